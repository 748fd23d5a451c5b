#!/usr/bin/env bash
# Downloads PASCAL VOC 2012 (2 GB, and 2 GB unpacked) and converts it.
#
#   bash datasets/download_and_convert_voc2012.sh [folder] [flags of build_voc2012_data.py]
#
# The folder is ./pascal_voc_seg if none is given; the records come to its tfrecord/.
# Run it again after any interruption: what is done is not done again.
# VOC_BASE_URL names another place of the archive, VOC_MD5 another checksum (empty: none).
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$HERE/downloads.sh"
choose_python "$HERE"

WORK_DIR=./pascal_voc_seg
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then
  WORK_DIR=$1
  shift
fi
BASE_URL=${VOC_BASE_URL:-http://host.robots.ox.ac.uk/pascal/VOC/voc2012}
MD5=${VOC_MD5-6cd6e144f989b92b3379bac3b3de84fd}
ARCHIVE=VOCtrainval_11-May-2012.tar

mkdir -p "$WORK_DIR"
download "$BASE_URL/$ARCHIVE" "$WORK_DIR/$ARCHIVE" md5sum "$MD5"
unpack "$WORK_DIR/$ARCHIVE" VOCdevkit
"$PYTHON" "$HERE/build_voc2012_data.py" \
  --voc_root="$WORK_DIR/VOCdevkit/VOC2012" --output_dir="$WORK_DIR/tfrecord" "$@"
