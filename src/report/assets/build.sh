#!/usr/bin/env bash
# Makes echarts.min.js anew from the versions pinned here; the same versions give the same bytes. Afterwards
# write what it prints into README.md.
set -euo pipefail
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp charts.js "$work"
(
    cd "$work"
    npm init --yes >/dev/null
    npm install --silent --no-audit --no-fund --save-exact echarts@6.1.0 zrender@6.1.0 tslib@2.3.0 esbuild@0.28.2
    npx esbuild charts.js --bundle --minify --format=iife --global-name=echarts --legal-comments=none \
        --log-level=warning --outfile=bundle.js
)
for library in echarts zrender tslib; do
    cp "$work/node_modules/$library"/LICENSE* "licenses/$library-LICENSE"
done
cp "$work/node_modules/echarts/NOTICE" licenses/echarts-NOTICE
cp "$work/node_modules/echarts/licenses/LICENSE-d3" licenses/d3-LICENSE
{
    echo "/*! Apache ECharts 6.1.0, with zrender 6.1.0, parts of d3 and tslib 2.3.0. Their licences:"
    sed 's|\*/|* /|g' licenses/echarts-NOTICE
    for licence in echarts d3 zrender tslib; do
        echo "---- $licence"
        sed 's|\*/|* /|g' "licenses/$licence-LICENSE"
    done
    echo "*/"
    cat "$work/bundle.js"
} >echarts.min.js
sha256sum echarts.min.js
