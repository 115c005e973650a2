// Opens a report in headless Chromium as a reader would, and says what is wrong with it:
//   node look.mjs <modules> <chromium> <page.html> <folder for screenshots> [name]
// Anything that the page asks for, console errors, what cannot be read on a phone (narrow.mjs), what the page
// leaves unsaid (honest.mjs), serious findings of axe-core, and a load of more than a second end it with 1.
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { unsaid } from './honest.mjs';
import { unreadable } from './narrow.mjs';

const [modules, chromium, page, folder, name = 'report'] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), 'package.json'));
const { chromium: browserType } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const MOST_MILLISECONDS = 1000;

mkdirSync(folder, { recursive: true });
const problems = [];
const address = pathToFileURL(resolve(page)).href;
const browser = await browserType.launch({ executablePath: chromium, args: ['--no-sandbox'] });

const open = async (options, tag) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
  const tab = await context.newPage();
  tab.on('console', (message) => { if (['error', 'warning'].includes(message.type())) problems.push(`${tag}: console: ${message.text()}`); });
  tab.on('pageerror', (error) => problems.push(`${tag}: ${error}`));
  tab.on('request', (request) => { if (request.url() !== address && !request.url().startsWith('data:')) problems.push(`${tag}: asks for ${request.url()}`); });
  await tab.goto(address, { waitUntil: 'load' });
  const loaded = await tab.evaluate(() => performance.getEntriesByType('navigation')[0].loadEventEnd);
  await tab.evaluate(async () => {
    for (let place = 0; place < document.body.scrollHeight; place += 300) { window.scrollTo(0, place); await new Promise(requestAnimationFrame); await new Promise((done) => setTimeout(done, 20)); }
    window.scrollTo(0, 0);
    await new Promise((done) => setTimeout(done, 150));
  });
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) problems.push(`${tag}: ${wide} pixels wider than the window`);
  return { context, tab, loaded };
};
const shot = (tab, tag, fullPage = true) => tab.screenshot({ path: join(folder, `${name}-${tag}.png`), fullPage });
const examine = async (tab, tag) => {
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => window.axe.run(document));
  for (const { id, impact, help, nodes } of violations) {
    const places = nodes.slice(0, 3).map((node) => node.target.join(' ')).join('; ');
    const line = `${tag}: axe, ${impact}: ${help} (${id}) at ${places}`;
    if (['serious', 'critical'].includes(impact)) problems.push(line);
    else console.log(line);
  }
};

const note = (tag, lines) => { for (const line of new Set(lines)) problems.push(`${tag}: ${line}`); };
// Every dimension in both languages, with what is folded away, as somebody with a phone would go through it.
const goThrough = async (tab, tag) => {
  const dimensions = await tab.locator('#dimension option').count();
  await tab.evaluate(() => { for (const folded of document.querySelectorAll('details')) folded.open = true; });
  const lines = [];
  for (let language = 0; language < 2; language++) {
    for (let dimension = 0; dimension < dimensions; dimension++) {
      await tab.selectOption('#dimension', String(dimension));
      for (const id of ['time', 'sankey', 'matrix']) if (await tab.isVisible(`#${id}`)) await tab.locator(`#${id}`).scrollIntoViewIfNeeded();
      await tab.waitForTimeout(120);
      if (dimension === 0) await shot(tab, `${tag}-unfolded-${language}`);
      lines.push(...await tab.evaluate(unreadable));
    }
    await tab.selectOption('#dimension', '0');
    await tab.click('#language');
  }
  note(tag, lines);
};

const times = [];
for (const [tag, options] of [['light', { colorScheme: 'light' }], ['dark', { colorScheme: 'dark' }], ['narrow', { viewport: { width: 390, height: 844 } }]]) {
  const { context, tab, loaded } = await open(options, tag);
  times.push(loaded);
  await shot(tab, tag);
  if (tag === 'light') await shot(tab, 'first', false);
  await examine(tab, tag);
  const isReport = await tab.locator('#figures').count() > 0;
  if (tag === 'narrow') note(tag, await tab.evaluate(unreadable));
  if (isReport) note(tag, await tab.evaluate(unsaid));
  if (tag === 'narrow' && isReport) await goThrough(tab, tag);
  if (tag === 'light' && isReport) {
    if (await tab.isVisible('#stayed')) await tab.check('#stayed');
    const choices = await tab.locator('#dimension option').count();
    for (let choice = 0; choice < choices; choice++) {
      await tab.selectOption('#dimension', String(choice));
      await tab.locator('#moves-h').scrollIntoViewIfNeeded();
      await tab.waitForTimeout(60);
    }
    await tab.selectOption('#dimension', '0');
    for (const period of await tab.locator('#period button:not([aria-disabled])').all()) await period.click();
    note(tag, await tab.evaluate(unsaid));
    await tab.click('#language');
    await tab.evaluate(() => window.scrollTo(0, 0));
    await tab.waitForTimeout(200);
    await shot(tab, 'other-language');
    await examine(tab, 'other language');
  }
  await context.close();
}
const { context, tab } = await open({ colorScheme: 'dark' }, 'print');
writeFileSync(join(folder, `${name}.pdf`), await tab.pdf({ preferCSSPageSize: true, printBackground: true }));
await context.close();
await browser.close();

// The machine may be busy with other things: the second of three counts.
const usual = Math.round(times.toSorted((a, b) => a - b)[1]);
console.log(`${name}: loaded in ${times.map((time) => Math.round(time)).join(', ')} ms`);
if (usual > MOST_MILLISECONDS) problems.push(`loads in ${usual} ms, more than ${MOST_MILLISECONDS}`);
for (const problem of problems) console.error(problem);
process.exit(problems.length ? 1 : 0);
