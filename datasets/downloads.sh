# Functions of the download scripts, which read this file: it does nothing alone.

# The Python of this checkout, or the one on the path; PYTHON=... chooses another.
choose_python() {
  local here=$1
  if [ -z "${PYTHON:-}" ]; then
    PYTHON="$here/../.venv/bin/python"
    [ -x "$PYTHON" ] || PYTHON=python3
  fi
  command -v "$PYTHON" >/dev/null || fail "There is no $PYTHON: run make install first."
}

fail() {
  echo "$*" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || fail "The program $1 is missing: install it first."
}

# download URL FILE SUM_PROGRAM SUM: FILE appears when it is whole and its sum is right.
# A download that was cut off goes on where it stopped. An empty SUM is not checked.
download() {
  local url=$1 file=$2 sum_program=$3 sum=$4 found
  if [ -f "$file" ]; then
    echo "$file is here already."
    return
  fi
  need curl
  echo "Downloading $url"
  curl --fail --location --retry 5 --continue-at - --output "$file.part" "$url" ||
    fail "The download of $url failed. Run this again: it goes on where it stopped." \
      "If it fails again at once, delete $file.part first."
  if [ -n "$sum" ]; then
    found=$("$sum_program" "$file.part" | cut -d ' ' -f 1)
    if [ "$found" != "$sum" ]; then
      rm "$file.part"
      fail "$url came with another content: its $sum_program is $found, not $sum." \
        "It was deleted; run this again."
    fi
  fi
  mv "$file.part" "$file"
}

# unpack ARCHIVE FOLDER: unpacks into the archive's folder; FOLDER, which the archive
# must hold, appears when all of it is there.
unpack() {
  local archive=$1 folder=$2 place temporary
  place=$(dirname "$archive")
  if [ -d "$place/$folder" ]; then
    echo "$place/$folder is unpacked already."
    return
  fi
  echo "Unpacking $archive"
  temporary="$archive.unpacking"
  rm -rf "$temporary"
  mkdir "$temporary"
  case "$archive" in
    *.zip) need unzip && unzip -q "$archive" -d "$temporary" ;;
    *) need tar && tar -xf "$archive" -C "$temporary" ;;
  esac || fail "$archive cannot be unpacked. Is the disk full (df -h $place)?" \
    "If not, delete the archive and run this again."
  [ -d "$temporary/$folder" ] ||
    fail "$archive holds no $folder, but $(ls "$temporary" | head -3 | tr '\n' ' ')."
  mv "$temporary/$folder" "$place/$folder"
  rm -rf "$temporary"
}
