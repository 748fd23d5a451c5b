#!/usr/bin/env bash
# Downloads ADE20K's scene parsing data (0.9 GB, and 1 GB unpacked) and converts it.
#
#   bash datasets/download_and_convert_ade20k.sh [folder] [flags of build_ade20k_data.py]
#
# The folder is ./ADE20K if none is given; the records come to its tfrecord/.
# Run it again after any interruption: what is done is not done again.
# ADE20K_BASE_URL names another place of the archive, ADE20K_SHA1 another checksum (empty:
# none). The data set's terms allow non-commercial research and education.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$HERE/downloads.sh"
choose_python "$HERE"

WORK_DIR=./ADE20K
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then
  WORK_DIR=$1
  shift
fi
BASE_URL=${ADE20K_BASE_URL:-http://data.csail.mit.edu/places/ADEchallenge}
SHA1=${ADE20K_SHA1-219e1696abb36c8ba3a3afe7fb2f4b4606a897c7}
ARCHIVE=ADEChallengeData2016.zip

mkdir -p "$WORK_DIR"
download "$BASE_URL/$ARCHIVE" "$WORK_DIR/$ARCHIVE" sha1sum "$SHA1"
unpack "$WORK_DIR/$ARCHIVE" ADEChallengeData2016
"$PYTHON" "$HERE/build_ade20k_data.py" \
  --ade20k_root="$WORK_DIR/ADEChallengeData2016" --output_dir="$WORK_DIR/tfrecord" "$@"
