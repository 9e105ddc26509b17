#!/bin/sh
# Makes the embedded checkpoint of the published file, and the golden of both. Needs the zstd
# command, and Python with golden/gen/requirements.txt. The same versions write the same bytes.
#
#   cmd/zoo/embedded/make.sh efficientnet-lite0-57934424.pth scikit_image-0.25.2-*.whl
#
# Another digest of the checkpoint has to be entered in cmd/zoo/standin.go.
set -eu
cd "$(dirname "$0")/../../.."
here=cmd/zoo/embedded name=efficientnet-lite0_3rdparty_in1k
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 golden/gen/photographs.py "$2" -o $here
go run ./cmd/zoo --cache-dir "$work/cache" convert "$1" --model $name --dtype f16 -o "$work/plain.safetensors"
zstd -q -19 "$work/plain.safetensors" -o "$work/made.zst"
digest=$(sha256sum "$work/made.zst" | cut -c1-8)
rm -f $here/*-f16-*.safetensors.zst
file=$here/efficientnet-lite0-f16-$digest.safetensors.zst
mv "$work/made.zst" "$file"
chmod 644 "$file"
python3 golden/gen/golden.py -o $here $name --checkpoint "$file" --images $here/coffee.jpg $here/chelsea.jpg
