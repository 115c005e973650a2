// Makes pages of figures that a demo seldom has, out of one that it made:
//   node variants.mjs <page.html> <folder>
// quiet.html: nobody moved down, no alerts, and a metric below zero. two-years.html: 730 nights.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [page, folder] = process.argv.slice(2);
const [head, rest] = readFileSync(page, 'utf8').split('<script type="application/json" id="figures">');
const [json, ...tail] = rest.split('</script>');
const write = (name, change) => {
  const figures = JSON.parse(json);
  change(figures);
  const changed = JSON.stringify(figures).replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
  writeFileSync(join(folder, name), [`${head}<script type="application/json" id="figures">${changed}`, ...tail].join('</script>'));
};

write('quiet.html', (figures) => {
  figures.alerts = [];
  for (const { dimensions } of figures.moves) {
    for (const [name, flows] of Object.entries(dimensions)) dimensions[name] = flows.filter((flow) => flow.direction !== 'down');
  }
  for (const kpi of figures.kpis) if (kpi.metric === 'complaints_change_rate') kpi.value = -.25;
});

const NIGHTS = 730;
write('two-years.html', (figures) => {
  const { history } = figures;
  const longer = (values) => Array.from({ length: NIGHTS }, (_, place) => values.at((place - NIGHTS) % values.length));
  const last = Date.parse(figures.snapshot_date);
  history.dates = history.dates.length && Array.from({ length: NIGHTS }, (_, place) => new Date(last - (NIGHTS - 1 - place) * 86400000).toISOString().slice(0, 10));
  for (const tiers of Object.values(history.tiers)) for (const tier of Object.values(tiers)) for (const [name, values] of Object.entries(tier)) tier[name] = longer(values);
  for (const [name, values] of Object.entries(history.kpis)) history.kpis[name] = longer(values);
});
