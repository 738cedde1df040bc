#!/bin/sh
# Sends one recording to Mirror, and removes it here only once Mirror has it.
#   send-recording.sh <call id> <file> [<seconds of the call> [<channels> [<leg id>]]]
# MIRROR_URL          the API, such as http://mirror.lan:8080
# MIRROR_HEADER_FILE  a file with one line, "Authorization: Bearer mk_…", that only the PBX can read
set -eu
call=$1
file=$2
url="${MIRROR_URL:-http://127.0.0.1:8080}/api/v1/recordings/upload"
header="${MIRROR_HEADER_FILE:-/etc/freeswitch/mirror.header}"

# What is refused for good (4xx) is left where it is; what may pass is tried again for an hour.
curl --silent --show-error --fail-with-body --connect-timeout 10 \
  --retry 20 --retry-connrefused --retry-max-time 3600 \
  --header "@$header" \
  --form-string "callId=$call" \
  --form-string "duration=${3:-}" \
  --form-string "channels=${4:-}" \
  --form-string "legId=${5:-}" \
  --form "file=@\"$file\";type=application/octet-stream" \
  "$url"
rm -f -- "$file"
