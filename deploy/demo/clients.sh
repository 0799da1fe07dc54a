#!/bin/sh
# A few clients that do what clients do, until they are stopped: videos are made, watched, fetched and deleted; some ask
# for what no model makes, some are in a hurry, and now and then the upstream has a bad moment. So that a dashboard has
# something to show. Needs curl.
#
#   deploy/demo/clients.sh GATEWAY [SANDBOX] [ROUNDS]
#   deploy/demo/clients.sh http://127.0.0.1:8080
set -u
gateway=${1:?"which gateway? http://127.0.0.1:8080"}
sandbox=${2:-}
rounds=${3:-0} # 0: without end

ask() { curl --silent --max-time 60 --header "Authorization: Bearer sk-demo" "$@"; }

# What a create answers; more words go to curl.
create() { ask "$gateway/v1/videos" --form prompt="a cat on a skateboard" "$@"; }

id_in() { sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | head -n 1; }

# Asks for a video until it has ended, as SDKs do.
watch() {
  polls=0
  while [ $polls -lt 60 ]; do
    case $(ask "$gateway/v1/videos/$1") in
      *'"completed"'* | *'"failed"'*) return ;;
    esac
    polls=$((polls + 1))
    sleep 1
  done
}

make_one() {
  id=$(create "$@" | id_in)
  [ -n "$id" ] || return
  watch "$id"
  ask "$gateway/v1/videos/$id/content" --output /dev/null
  ask --request DELETE "$gateway/v1/videos/$id" --output /dev/null
}

# Bad moments, once each: refused for the moment, failed while reading, an answer that is lost.
misbehave() {
  [ -n "$sandbox" ] || return
  ask "$sandbox/sandbox/faults" --output /dev/null --json \
    '{"on":"POST /v1/videos","script":["ok","ok","429;retry-after-ms=500","ok","ok","ok","accept-then-reset"]}'
  ask "$sandbox/sandbox/faults" --output /dev/null --json \
    '{"on":"GET /v1/videos/*","script":["ok","ok","ok","500","ok","ok","ok","ok","503"]}'
}

trap 'exit 0' INT TERM
round=0
while [ "$rounds" -eq 0 ] || [ $round -lt "$rounds" ]; do
  round=$((round + 1))
  make_one --form model=sora-2 --form seconds=4 &
  make_one --form model=sora-2-pro --form seconds=10 &
  make_one --form model=sora-2 --form seconds=10 --header "x-reelgate-mode: adjust" &
  create --form model=sora-2 --form seconds=11 --output /dev/null
  create --form model=sora-9 --output /dev/null
  ask "$gateway/v1/videos?limit=20" --output /dev/null
  [ $((round % 10)) -ne 1 ] || misbehave
  sleep 4
done
wait
