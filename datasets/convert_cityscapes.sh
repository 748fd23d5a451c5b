#!/usr/bin/env bash
# Converts Cityscapes, which its owners let you download after a registration.
#
#   bash datasets/convert_cityscapes.sh [folder] [flags of build_cityscapes_data.py]
#
# The folder is ./cityscapes if none is given; the records come to its tfrecord/. It
# holds leftImg8bit and gtFine, or the two zip files, which are then unpacked.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$HERE/downloads.sh"
choose_python "$HERE"

ROOT=./cityscapes
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then
  ROOT=$1
  shift
fi

missing=()
for part in leftImg8bit gtFine; do
  [ -d "$ROOT/$part" ] && continue
  zip="$ROOT/${part}_trainvaltest.zip"
  if [ -f "$zip" ]; then unpack "$zip" "$part"; else missing+=("$part"); fi
done
if [ ${#missing[@]} -gt 0 ]; then
  fail "$ROOT has no ${missing[*]}. To get Cityscapes:
  1. Register at https://www.cityscapes-dataset.com (its terms: research, no commerce).
  2. Download leftImg8bit_trainvaltest.zip (11 GB) and gtFine_trainvaltest.zip (241 MB)
     from https://www.cityscapes-dataset.com/downloads, or with
       csDownload -d $ROOT leftImg8bit_trainvaltest.zip gtFine_trainvaltest.zip
     which came with the requirements and asks for your name and password.
  3. Put both into $ROOT and run this again: it unpacks and converts them."
fi
"$PYTHON" "$HERE/build_cityscapes_data.py" \
  --cityscapes_root="$ROOT" --output_dir="$ROOT/tfrecord" "$@"
