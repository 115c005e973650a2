// Opens the pages of a site of Evidence in headless Chromium, and looks for the texts that they have to show:
//   node check_evidence.mjs <modules> <chromium> <site> <texts.json> <folder for screenshots>
// The texts are those of ci/check_evidence.py. A text that is missing, an error on the console, and anything
// that a page asks of another host end it with 1.
import { mkdirSync, readFileSync, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join, resolve } from 'node:path';

const [modules, chromium, site, texts, shots] = process.argv.slice(2);
const { chromium: browserType } = createRequire(join(resolve(modules), 'package.json'))('playwright-core');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.json': 'application/json', '.svg': 'image/svg+xml' };
const MOST_MILLISECONDS = 30000;

// Files by whole or by range, as DuckDB in the page asks for them.
const answer = (request, response) => {
  let file = join(resolve(site), decodeURIComponent(new URL(request.url, 'http://site').pathname));
  if (existsSync(file) && statSync(file).isDirectory()) file = join(file, 'index.html');
  if (!existsSync(file)) return response.writeHead(404).end();
  const body = readFileSync(file);
  const headers = { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'accept-ranges': 'bytes' };
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const first = range ? Number(range[1]) : 0;
  const last = range && range[2] ? Math.min(Number(range[2]), body.length - 1) : body.length - 1;
  if (range) headers['content-range'] = `bytes ${first}-${last}/${body.length}`;
  headers['content-length'] = last - first + 1;
  response.writeHead(range ? 206 : 200, headers).end(request.method === 'HEAD' ? undefined : body.subarray(first, last + 1));
};

const problems = [];
const server = createServer(answer).listen(0, '127.0.0.1');
await new Promise((listening) => server.once('listening', listening));
const address = `http://127.0.0.1:${server.address().port}/`;
const browser = await browserType.launch({ executablePath: chromium, args: ['--no-sandbox'] });
mkdirSync(shots, { recursive: true });

const choose = async (tab, [before, after]) => {
  await tab.getByRole('combobox').filter({ hasText: before }).click();
  await tab.keyboard.type(after);  // of a long list only a part is on the page
  await tab.getByRole('option', { name: after, exact: true }).click();
};
const missing = async (tab, wanted) => {
  const shown = (await tab.locator('main').innerText()).replace(/\s+/g, ' ');
  return wanted.filter((text) => !shown.includes(text.replace(/\s+/g, ' ')));
};
let found = 0;
for (const [place, { page, chosen, texts: wanted }] of JSON.parse(readFileSync(texts, 'utf8')).entries()) {
  const name = [page || 'index', ...chosen.map(([, after]) => after)].join(', ');
  const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  tab.on('console', (message) => { if (message.type() === 'error') problems.push(`${name}: console: ${message.text()}`); });
  tab.on('pageerror', (error) => problems.push(`${name}: ${error}`));
  tab.on('request', (request) => { if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(address)) problems.push(`${name}: asks for ${request.url()}`); });
  await tab.goto(address + page, { waitUntil: 'networkidle' });
  for (const choice of chosen) await choose(tab, choice);
  const end = Date.now() + MOST_MILLISECONDS;
  let lacking = await missing(tab, wanted);
  while (lacking.length && Date.now() < end) {
    await tab.waitForTimeout(500);
    lacking = await missing(tab, wanted);
  }
  await tab.waitForTimeout(1000);
  await tab.screenshot({ path: join(shots, `${place + 1}-${page || 'index'}.png`), fullPage: true });
  found += wanted.length - lacking.length;
  problems.push(...lacking.map((text) => `${name}: does not show '${text.trim()}'`));
  if (!wanted.length) problems.push(`${name}: nothing to look for`);
  await tab.close();
}
await browser.close();
server.close();
for (const problem of problems) console.error(`error: ${problem}`);
console.log(`Evidence: ${found} texts found on its pages, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
