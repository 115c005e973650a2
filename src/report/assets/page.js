// The report of one date. The figures are as the published tables have them; this file only shows them.
// 1. words and numbers  2. the parts of the page  3. charts, drawn when they come into view  4. controls
(() => {
'use strict';
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const WORDS = read('words');
const F = read('figures');
const $ = (id) => document.getElementById(id);
const state = { language: F.language, dimension: 0, period: F.period, measure: 'users', stayed: false };

// ---- words and numbers

const words = (section) => WORDS[state.language][section];
const own = (object, key) => Object.prototype.hasOwnProperty.call(object, key) ? object[key] : undefined;
const t = (key, values = {}) => words('page')[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
// A name of the data for which nobody has written a label.
const plain = (name) => name.replace(/_/g, ' ').replace(/^./, (first) => first.toUpperCase());
const named = (section, key) => own(words(section), key) ?? plain(key);
const inLanguage = (thing, field) => state.language === 'zh'
  ? thing[`${field}_zh`] ?? thing[`${field}_en`] ?? thing[field]
  : thing[`${field}_en`] ?? thing[field];
const label = (thing) => inLanguage({ label_en: thing.label_en, label_zh: thing.label_zh }, 'label') ?? plain(thing.name);
const locale = () => state.language === 'zh' ? 'zh-CN' : 'en-US';
const formats = new Map();
// Below zero a number has a minus sign, not a hyphen.
const number = (value, options = {}) => {
  const key = locale() + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(locale(), options));
  return formats.get(key).format(value).replaceAll('-', '−');
};
const count = (value) => number(value, { maximumFractionDigits: 0 });
const money = (value, digits = 0) => number(Number(value), { minimumFractionDigits: digits, maximumFractionDigits: digits });
// Half a tenth of a per cent is rounded away from zero, as `tierline show` does.
const rounded = (value, digits) => Math.sign(value) * Math.round(Math.abs(value) * 10 ** (digits + 2)) / 10 ** (digits + 2) || 0;
const share = (value, digits = 1, options = {}) => number(rounded(value, digits), { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits, ...options });
const signed = (value) => number(value, { signDisplay: 'exceptZero', maximumFractionDigits: 0 });
// A change and since when: words of comparison stand before the number in Chinese, and after it in English.
const changed = (value, since) => value ? t('changed', { change: signed(value), over: since }) : t('unchanged', { over: since });
const users = (n) => n === 1 ? t('n_user') : t('n_users', { n: count(n) });
const date = (day, style = 'medium') => new Intl.DateTimeFormat(locale(), style === 'full'
  ? { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric', timeZone: 'UTC' }
  : { dateStyle: style, timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
const shortDate = (day) => new Intl.DateTimeFormat(locale(), { month: 'short', day: 'numeric', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
// What the job's own tables call a metric goes before the words that come with the page.
const metricName = (name) => inLanguage(own(F.metrics, name) ?? {}, 'label') ?? named('kpi', name);
// `more` are digits beyond those that the metric is written with.
const metric = (name, value, more = 0) => {
  if (value === null || value === undefined) return t('nothing');
  const form = own(F.metrics, name);
  const digits = Number(/\.(\d+)/.exec(form?.format ?? '')?.[1] ?? 1);
  if (form?.format?.endsWith('%')) return share(value, digits + more, form.format.startsWith('+') ? { signDisplay: 'exceptZero' } : {});
  if (form?.unit === 'money') return money(value, more);
  if (/_share|_rate|^aov_volatility|score_drift|registration_conversion/.test(name)) return share(value, 1 + more);
  if (/revenue/.test(name)) return money(value, more);
  return Number.isInteger(value) ? count(value) : number(value, { maximumFractionDigits: (Math.abs(value) < 100 ? 2 : 0) + more });
};
// So many more digits that a value looks other than one from which it differs.
const digitsApart = (name, value, others) => [0, 1, 2, 3].find((more) => !others.some((other) => metric(name, value, more) === metric(name, other, more))) ?? 3;
const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);
const of = (part, whole) => whole ? part / whole : 0;

// ---- elements; texts are set as text, never as HTML

const el = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'style') for (const [name, part] of Object.entries(value)) element.style.setProperty(name, part);
    else element.setAttribute(key === 'class' ? 'class' : key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
};
const fill = (target, ...children) => { (typeof target === 'string' ? $(target) : target).replaceChildren(...children.flat(Infinity)); };
const say = (id, text) => { $(id).textContent = text; };
// Columns are {head, kind: text|n|wide, cell(row)}; the first one names the row.
// On a phone the rows of a table that stacks are cards; their roles say that it is a table still.
const table = (caption, columns, rows, stacks = columns.some((column) => column.kind === 'wide')) => {
  const role = (name) => stacks ? name : null;
  const cell = (column, row, first) => {
    const content = column.cell(row);
    const kind = column.kind ?? 'n';
    const attributes = { class: kind === 'wide' ? 'text wide' : kind };
    if (first) attributes.scope = 'row';
    if (stacks) { attributes.role = first ? 'rowheader' : 'cell'; attributes['data-head'] = column.head; }
    return el(first ? 'th' : 'td', attributes, content ?? t('nothing'));
  };
  return el('table', { class: stacks ? 'roomy' : null, role: role('table') },
    el('caption', { class: 'hide' }, caption),
    el('thead', { role: role('rowgroup') }, el('tr', { role: role('row') }, columns.map((column) => el('th', { scope: 'col', role: role('columnheader'), class: column.kind === 'n' || !column.kind ? null : 'text' }, column.head)))),
    el('tbody', { role: role('rowgroup') }, rows.map((row) => el('tr', { role: role('row') }, columns.map((column, place) => cell(column, row, place === 0))))));
};
// What scrolls can be reached by keyboard, and fades where there is more to the right or below.
const showMore = (box) => {
  const room = box.scrollWidth - box.clientWidth;
  const rest = box.scrollHeight - box.clientHeight;
  if (room > 0 || rest > 0) box.setAttribute('tabindex', '0');
  else box.removeAttribute('tabindex');
  box.classList.toggle('more', room - box.scrollLeft > 1);
  box.classList.toggle('below', rest - box.scrollTop > 1);
};
const sized = new ResizeObserver((entries) => { for (const box of new Set(entries.map((entry) => entry.target.closest('.scroll')))) if (box) showMore(box); });
const scrollable = (box, name) => {
  box.setAttribute('role', 'group');
  box.setAttribute('aria-label', name);
  if (!box.onscroll) { box.onscroll = () => showMore(box); sized.observe(box); }
  for (const child of box.children) sized.observe(child);
};
const scroller = (id, name, ...children) => { fill(id, ...children); scrollable($(id), name); };
const swatch = (colour) => el('span', { class: 'swatch', style: { '--c': colour }, 'aria-hidden': 'true' });
const bar = (part, colour) => part ? el('span', { class: 'bar', 'aria-hidden': 'true', style: { width: `${100 * part}%`, '--c': colour } }) : null;
// A sentence with some of its values set bold.
const sentence = (key, values, classes = {}) => {
  const parts = words('page')[key].split(/\{(\w+)\}/);
  return parts.map((part, place) => {
    if (place % 2 === 0) return part;
    const value = values[part] ?? '';
    return part in classes ? el('b', { class: classes[part] }, value) : value;
  });
};

// ---- colours: told apart by people who are colour-blind, and by lightness in print

const dark = () => document.documentElement.dataset.theme === 'dark';
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// From the best rank to the lowest: blue to sand, evenly lighter.
const RANKED = { light: ['#08306b', '#2166ac', '#5a9bd0', '#a3c4de', '#e3c676', '#b8863b'], dark: ['#d6ebff', '#8cc4f5', '#4e97d6', '#3a6ea5', '#a8843c', '#e0bf75'] };
// Okabe and Ito's, in an order in which neighbours differ most.
const PLAIN = { light: ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8a7a00', '#6b7588', '#332288'], dark: ['#56b4e9', '#e69f00', '#2bbd92', '#e09ac2', '#9ad2f5', '#f0824a', '#d9cf4a', '#98a2b5', '#a79bf0'] };
const EMPTY = /^(no_orders|unscored|none|unknown|base)$/;
const colours = (dimension) => {
  const mode = dark() ? 'dark' : 'light';
  const tiers = dimension.tiers;
  if (!dimension.is_ranked) return tiers.map((tier, place) => EMPTY.test(tier.name) ? (dark() ? '#5d6778' : '#b4bcc9') : PLAIN[mode][place % PLAIN[mode].length]);
  const ramp = RANKED[mode];
  const filled = tiers.filter((tier) => !EMPTY.test(tier.name));
  return tiers.map((tier) => {
    if (EMPTY.test(tier.name)) return dark() ? '#5d6778' : '#c3cad6';
    const place = filled.indexOf(tier);
    return ramp[filled.length < 2 ? 1 : Math.round(place * (ramp.length - 1) / Math.max(filled.length - 1, 1))];
  });
};
const WAYS = { up: '--up', down: '--down', lateral: '--other', entered: '--new', left: '--faint', stayed: '--stay' };
const GLYPHS = { up: '▲', down: '▼', lateral: '↔', entered: '+', left: '−', stayed: '=' };

// ---- what is shown of the figures

const dimension = () => F.dimensions[state.dimension];
const main = () => F.dimensions.find((found) => found.name === 'value_tier') ?? F.dimensions.find((found) => found.is_ranked) ?? F.dimensions[0];
const moves = () => F.moves.find((found) => found.period === state.period);
const flowsOf = (found) => (moves() && own(moves().dimensions, found.name)) || [];
const sinceBefore = (since) => !since || Date.parse(F.snapshot_date) - Date.parse(since) === 86400000 ? t('over_night') : t('over_between', { since: date(since) });
const over = () => !moves() ? t('over_night') : state.period === 'night' ? sinceBefore(moves().since) : t(`over_${state.period}`, { since: date(moves().since) });
const wayOf = (flow) => flow.direction ?? 'stayed';
const byWay = (flows, way) => sum(flows.filter((flow) => wayOf(flow) === way), (flow) => flow.users);
const tierLabel = (found, name) => { const tier = found.tiers.find((other) => other.name === name); return tier ? label(tier) : plain(name); };
const kpi = (name) => F.kpis.find((found) => found.metric === name);
const net = (found, tier) => sum(flowsOf(found), (flow) => flow.users * ((flow.to === tier ? 1 : 0) - (flow.from === tier ? 1 : 0)));
// Where eight of ten of the 28 values before lay; none with fewer than seven.
const usual = (name) => {
  const values = (own(F.history.kpis, name) ?? []).slice(-29, -1).filter((value) => value !== null).sort((a, b) => a - b);
  if (values.length < 7) return null;
  const at = (part) => { const place = part * (values.length - 1); const low = Math.floor(place); return values[low] + (values[Math.ceil(place)] - values[low]) * (place - low); };
  // Between whole numbers there are none but whole ones.
  const whole = values.every(Number.isInteger) ? Math.round : (value) => value;
  return [whole(at(.1)), whole(at(.9))];
};

// ---- charts: drawn when they come into view, and again when language, theme or choice change

const charts = new Map();
const seen = new IntersectionObserver((entries) => { for (const entry of entries) if (entry.isIntersecting) draw(entry.target); }, { rootMargin: '200px' });
const chart = (element, name, option) => {
  const known = charts.get(element);
  charts.set(element, { option, instance: known?.instance, stale: true });
  element.setAttribute('role', 'img');
  element.setAttribute('aria-label', name);
  seen.unobserve(element);
  seen.observe(element);
  if (isIdle) { isIdle = false; whenIdle(drawOneMore); }
};
const draw = (element) => {
  const found = charts.get(element);
  if (!found?.stale || !element.isConnected) return;
  if (!element.clientWidth) { found.stale = false; return; }
  found.instance ??= echarts.init(element, null, { renderer: 'svg' });
  found.instance.setOption({ animation: false, useUTC: true, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: css('--ink') }, ...found.option() }, true);
  found.stale = false;
};
const drawAll = () => { for (const element of charts.keys()) draw(element); };
// What is out of sight is drawn one by one once there is nothing else to do.
const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
let isIdle = true;
const drawOneMore = () => {
  const next = [...charts.keys()].find((element) => charts.get(element).stale && element.isConnected);
  isIdle = !next;
  if (next) { draw(next); whenIdle(drawOneMore); }
};
const forget = (element) => { const found = charts.get(element); found?.instance?.dispose(); charts.delete(element); seen.unobserve(element); };
const resize = () => { for (const [element, found] of charts) if (element.isConnected) found.instance?.resize(); };
const escaped = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const tooltip = (formatter, trigger = 'item') => ({ trigger, confine: true, backgroundColor: css('--card'), borderColor: css('--line'), textStyle: { color: css('--ink'), fontSize: 13 }, formatter });
const axis = () => ({ axisLine: { lineStyle: { color: css('--line') } }, axisTick: { show: false }, axisLabel: { color: css('--quiet'), fontSize: 12 }, splitLine: { lineStyle: { color: css('--line') } } });
const narrow = (element) => element.clientWidth < 480;
// Labels are not cut: they go on in another line.
const canvas = document.createElement('canvas').getContext('2d');
const widthOf = (text, size) => { canvas.font = `${size}px ${getComputedStyle(document.body).fontFamily}`; return Math.ceil(canvas.measureText(text).width); };
const linesOf = (text, size, most) => {
  const lines = [''];
  const add = (part) => { if (lines.at(-1) && widthOf(`${lines.at(-1)}${part}`.trimEnd(), size) > most) lines.push(part); else lines[lines.length - 1] += part; };
  // Between words, or between any two Chinese characters; within a word that is longer than a line.
  for (const part of text.match(/[\u2e80-\uffef\u{1f000}-\u{3ffff}]|[^\s\u2e80-\uffef\u{1f000}-\u{3ffff}]*\s*/gu)) {
    if (widthOf(part.trimEnd(), size) > most) for (const character of part) add(character);
    else add(part);
  }
  return lines.map((line) => line.trim());
};
// The least width at which each of some labels takes no more than some lines, and no word is broken.
const fitting = (texts, size, most) => {
  let width = Math.min(120, widest(texts.flatMap((text) => text.split(/\s+/).filter((word) => !/[\u2e80-\uffef]/.test(word))), size)) + 1;
  while (width < 400 && texts.some((text) => linesOf(text, size, width).length > most)) width += 8;
  return width;
};
// A text of several lines is as wide as the longest.
const widest = (labels, size) => Math.max(0, ...labels.flat().map((line) => widthOf(line, size)));
const legend = (id, items) => fill(id, items.map(([name, colour]) => el('span', { style: { '--c': colour } }, name)));

// ---- the first screen

const head = () => {
  document.documentElement.lang = state.language === 'zh' ? 'zh-CN' : 'en';
  document.title = t('title', { job: F.job, date: date(F.snapshot_date) });
  for (const element of document.querySelectorAll('[data-word]')) element.textContent = t(element.dataset.word);
  for (const element of document.querySelectorAll('[data-label]')) element.setAttribute('aria-label', t(element.dataset.label));
  say('job', t('eyebrow', { job: F.job }));
  say('date', date(F.snapshot_date, 'full'));
  say('compared', moves() ? t('compared', { since: date(moves().since) }) : t('first_night'));
  say('language', t('language'));
  $('language').lang = state.language === 'zh' ? 'en' : 'zh-CN';
  say('made', t('made', { version: F.tierline }));
};

const falling = () => {
  const known = kpi('falling_high_value_users');
  if (known) return known.value === null ? null : { users: known.value, revenue: kpi('falling_high_value_revenue_365d')?.value };
  const top = main()?.tiers[0];
  return top ? { users: top.waiting } : null;
};

// Those about to fall are counted in three places, each its own way; it is said beside each.
const counted = (text) => text ? el('p', { class: 'counted' }, text) : null;
const FALLING = 'call_falling';
const fallingAction = (action) => {
  const all = kpi('falling_high_value_users')?.value;
  if (action !== FALLING || !all) return null;
  const reached = sum(F.actions.filter((found) => found.action === action), (found) => found.users);
  const values = { n: count(reached), all: count(all) };
  return reached > all ? null : counted(t(reached === all ? 'falling_action_all' : 'falling_action', values));
};
const fallingWarning = (warning) => {
  const high = kpi('falling_high_value_users')?.value;
  if (warning !== 'falling_warning' || high === undefined || high === null) return null;
  return counted(t('falling_warning', { n: count(high) }));
};

const headline = () => {
  const parts = [];
  const flows = flowsOf(main());
  if (moves()) parts.push(...sentence('head_moves', { up: count(byWay(flows, 'up')), down: count(byWay(flows, 'down')), dimension: named('dimension', main().name).toLowerCase(), over: over() }, { up: byWay(flows, 'up') ? 'up' : '', down: byWay(flows, 'down') ? 'down' : '' }));
  else parts.push(...sentence('head_first', { users: users(F.users) }, { users: '' }));
  const found = falling();
  const gap = state.language === 'zh' ? '' : ' ';
  if (found?.users && found.revenue !== undefined && found.revenue !== null) parts.push(gap, ...sentence('head_falling', { users: users(found.users), revenue: money(found.revenue) }, { users: 'down' }));
  else if (found?.users) parts.push(gap, ...sentence('head_falling_plain', { users: users(found.users) }, { users: 'down' }));
  else if (found) parts.push(gap, t('head_calm'));
  fill('headline', parts);
};

const tiles = () => {
  const flows = flowsOf(main());
  const tile = (name, big, sub, kind) => el('div', { class: `tile ${kind ?? ''}` }, el('div', { class: 'label' }, t(name)), el('div', { class: 'big' }, big), el('div', { class: 'sub' }, sub ?? ''));
  const total = kpi('users_total');
  const revenue = kpi('revenue_d0');
  const range = usual('revenue_d0');
  const found = falling();
  const where = moves() ? t('in_dimension', { dimension: named('dimension', main().name).toLowerCase(), over: over() }) : t('first_tile');
  // That nobody moved is neither good nor bad.
  const moved = (name, way) => {
    const n = byWay(flows, way);
    return tile(name, !moves() ? t('nothing') : n ? `${GLYPHS[way]} ${count(n)}` : count(n), where, moves() && n ? way : '');
  };
  const critical = F.alerts.filter((alert) => alert.severity === 'critical').length;
  const alertNote = !F.alerts.length ? (F.kpis.length ? t('all_quiet') : t('no_kpis')) : critical ? t('critical_of', { n: count(critical) }) : t('none_critical');
  const before = total?.previous_value;
  const change = before === null || before === undefined ? '' : changed(F.users - before, sinceBefore(F.previous_snapshot_date));
  fill('tiles',
    tile('tile_users', count(F.users), change),
    tile('tile_revenue', revenue?.value === null || !revenue ? t('nothing') : money(revenue.value), range ? t('per_usual', { low: money(range[0]), high: money(range[1]) }) : revenue?.previous_value ? t('before_value', { value: money(revenue.previous_value) }) : ''),
    moved('tile_up', 'up'),
    moved('tile_down', 'down'),
    tile('tile_falling', found ? count(found.users) : t('nothing'), found ? [t('falling_tile'), found.revenue ? t('falling_paid', { revenue: money(found.revenue) }) : ''] : '', found?.users ? 'down' : ''),
    tile('tile_alerts', count(F.alerts.length), alertNote, F.alerts.length ? 'alert' : ''));
};

const alerts = () => {
  $('first-pair').classList.toggle('calm', !F.alerts.length);
  if (!F.alerts.length) return fill('alerts', el('p', { class: 'quiet' }, F.kpis.length ? t('no_alerts') : t('no_kpis')));
  fill('alerts', el('ul', { class: 'list' }, F.alerts.map((alert) => {
    const side = alert.value < alert.threshold ? 'alert_below' : 'alert_above';
    return el('li', {},
      el('div', { class: 'head' }, el('strong', {}, inLanguage(alert, 'title') ?? metricName(alert.alert)), el('span', { class: `badge ${alert.severity === 'critical' ? 'critical' : ''}` }, alert.severity === 'critical' ? t('critical') : t('warning'))),
      el('div', { class: 'quiet' }, t(side, { value: metric(alert.alert, alert.value), threshold: metric(alert.alert, alert.threshold) })),
      el('p', { class: 'what' }, inLanguage(alert, 'message')));
  })));
};

const leave = (action) => action.channel === 'none';
const actFirst = () => {
  if (!F.actions) return fill('act-first', el('p', { class: 'quiet' }, t('act_unknown')));
  const contact = F.actions.filter((action) => !leave(action));
  if (!contact.length) return fill('act-first', el('p', { class: 'quiet' }, t('act_none')));
  const left = sum(F.actions.filter(leave), (action) => action.users);
  const first = [...new Set(contact.map((action) => action.action))].slice(0, 3);
  const items = first.map((name) => {
    const those = contact.filter((action) => action.action === name);
    return el('li', {},
      el('div', { class: 'head' }, el('strong', {}, named('action', name)), el('span', {}, those.map((action) => [el('span', { class: 'badge' }, t('act_line', { users: users(action.users), channel: named('channel', action.channel) })), ' ']))),
      el('p', { class: 'what' }, inLanguage(those[0], 'playbook') ?? ''), fallingAction(name));
  });
  fill('act-first', el('ul', { class: 'list' }, items), left ? el('p', { class: 'quiet' }, t('leave_line', { users: users(left) })) : '', el('p', {}, el('a', { href: '#actions-h', class: 'more' }, t('all_actions'))));
};

// ---- tiers

const measured = (tier) => state.measure === 'users' ? tier.users : Number(tier.revenue_365d);
const tiersNow = () => {
  const found = dimension();
  const name = named('dimension', found.name);
  const [people, revenue] = [sum(found.tiers, (tier) => tier.users), sum(found.tiers, (tier) => Number(tier.revenue_365d))];
  const most = (of) => found.tiers.reduce((best, tier) => of(tier) > of(best) ? tier : best, found.tiers[0]);
  const [largest, richest] = [most((tier) => tier.users), most((tier) => Number(tier.revenue_365d))];
  say('tiers-h', t('tiers_h', { dimension: name }));
  say('tiers-says', t(revenue > 0 ? 'tiers_says' : 'tiers_says_users', { tier: label(largest), share: share(of(largest.users, people)), top: label(richest), revenue: share(of(Number(richest.revenue_365d), revenue)) }));
  say('now-h', t('now_h', { date: date(F.snapshot_date) }));
  const paint = colours(found);
  const waits = found.tiers.some((tier) => tier.waiting);
  const columns = [
    { head: t('tier'), kind: 'text', cell: (tier) => [swatch(paint[found.tiers.indexOf(tier)]), label(tier)] },
    { head: t('users'), cell: (tier) => count(tier.users) },
    { head: t('of_users'), cell: (tier) => [share(of(tier.users, people)), bar(of(tier.users, largest.users), paint[found.tiers.indexOf(tier)])] },
    { head: t('of_revenue'), cell: (tier) => [share(of(Number(tier.revenue_365d), revenue)), bar(of(Number(tier.revenue_365d), Number(richest.revenue_365d)), paint[found.tiers.indexOf(tier)])] },
  ];
  if (flowsOf(found).length) columns.push({ head: t('change'), cell: (tier) => signed(net(found, tier.name)) });
  if (waits) columns.push({ head: t('waiting'), cell: (tier) => tier.waiting ? count(tier.waiting) : t('nothing') });
  scroller('tier-table', name, table(`${name}, ${date(F.snapshot_date)}`, columns, found.tiers, true), waits ? el('p', { class: 'quiet' }, t('waiting_note')) : '');
};

const series = (found) => {
  const known = own(F.history.tiers, found.name) ?? {};
  const rows = found.tiers.map((tier) => (own(known, tier.name) ?? {})[state.measure === 'users' ? 'users' : 'revenue'] ?? F.history.dates.map(() => null));
  const any = F.history.dates.map((_, place) => rows.some((row) => row[place] !== null));
  // Tiers that have gone since are part of the whole, as they were.
  const all = Object.values(known).map((tier) => tier[state.measure === 'users' ? 'users' : 'revenue']);
  const totals = F.history.dates.map((_, place) => sum(all, (row) => row[place] ?? 0));
  return rows.map((row) => row.map((value, place) => any[place] ? of(value ?? 0, totals[place]) : null));
};

// Values by their dates, so that a date which is missing takes its room.
const overDates = (values) => values.map((value, place) => [F.history.dates.at(place - values.length), value]).filter(([, value]) => value !== null);

const overTime = () => {
  const found = dimension();
  const element = $('time');
  const shares = series(found);
  const dates = F.history.dates;
  const one = dates.length < 2;
  const heading = one ? t('time_one') : t(state.measure === 'users' ? 'time_users' : 'time_revenue');
  say('time-h', heading);
  fill('measure', ['users', 'revenue'].map((kind) => {
    const button = el('button', { type: 'button', 'aria-pressed': String(state.measure === kind) }, t(`by_${kind}`));
    button.addEventListener('click', () => { state.measure = kind; overTime(); $('measure').querySelector('[aria-pressed="true"]').focus(); });
    return button;
  }));
  const names = found.tiers.map(label);
  legend('time-legend', !one && hasLegend(element, names) ? names.map((name, tier) => [name, colours(found)[tier]]) : []);
  chart(element, `${named('dimension', found.name)}. ${heading}`, () => one ? bars(found, names) : areas(element, found, names, shares));
  const last = Math.max(0, dates.length - 31);
  const columns = [{ head: t('q_snapshot'), kind: 'text', cell: (place) => dates[place] }, ...names.map((name, tier) => ({ head: name, cell: (place) => shares[tier][place] === null ? t('nothing') : share(shares[tier][place]) }))];
  $('time-table').classList.add('long');
  scroller('time-table', heading, table(heading, columns, dates.map((_, place) => place).slice(last).reverse()));
};

const bars = (found, names) => {
  const total = sum(found.tiers, measured);
  const paint = colours(found);
  const lines = names.map((name) => linesOf(name, 13, narrow($('time')) ? 110 : 240).join('\n'));
  return {
    grid: { left: 8, right: 56, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: 'value', show: false },
    yAxis: { type: 'category', inverse: true, data: lines, ...axis(), axisLine: { show: false }, axisLabel: { color: css('--ink'), fontSize: 13, lineHeight: 17, interval: 0 } },
    series: [{ type: 'bar', barMaxWidth: 26, data: found.tiers.map((tier, place) => ({ value: of(measured(tier), total), itemStyle: { color: paint[place], borderRadius: 4 } })), label: { show: true, position: 'right', color: css('--ink'), formatter: ({ value }) => share(value) } }],
  };
};

const hasLegend = (element, names) => narrow(element) || widest(names, 12.5) > 220;
const areas = (element, found, names, shares) => {
  const paint = colours(found);
  const small = hasLegend(element, names);
  // The best tier is drawn last, on top.
  const order = found.tiers.map((_, place) => place).reverse();
  const line = (place) => ({
    name: names[place], type: 'line', stack: 'all', symbol: 'none', data: overDates(shares[place]), color: paint[place],
    lineStyle: { width: 1, color: css('--card') }, areaStyle: { color: paint[place], opacity: 1 }, emphasis: { focus: 'series' },
  });
  // A band has its name beside it, in the middle of its height on the last date.
  const marks = [];
  let below = 0;
  for (const place of order) {
    const value = shares[place].at(-1) ?? 0;
    marks.push({ place, at: below + value / 2, value });
    below += value;
  }
  const height = element.clientHeight - 52;
  let floor = -1;
  for (const mark of marks) { mark.y = Math.max(mark.at, floor); floor = mark.y + 16 / height; }
  let roof = 1;
  for (const mark of [...marks].reverse()) { mark.y = Math.min(mark.y, roof); roof = mark.y - 16 / height; }
  const inPercent = { type: 'value', min: 0, max: 1, ...axis(), axisLabel: { color: css('--quiet'), fontSize: 12, formatter: (value) => share(value, 0) } };
  const nearest = (value) => marks.reduce((best, mark) => Math.abs(mark.y - value) < Math.abs(best.y - value) ? mark : best);
  const bandNames = {
    type: 'value', min: 0, max: 1, position: 'right', axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { customValues: marks.map((mark) => mark.y), color: css('--ink'), fontSize: 12.5, margin: 10, formatter: (value) => names[nearest(value).place] },
  };
  const day = new Intl.DateTimeFormat(locale(), { month: 'short', timeZone: 'UTC', ...(F.history.dates.length > 200 ? { year: '2-digit' } : { day: 'numeric' }) });
  return {
    grid: { left: 44, right: small ? 32 : widest(names, 12.5) + 22, top: 12, bottom: 40 },
    tooltip: tooltip((points) => {
      const rows = [...points].reverse();
      return `<div class="tip"><b>${escaped(date(points[0].value[0]))}</b>${rows.map((point) => `<br>${point.marker} ${escaped(point.seriesName)} <b>${escaped(share(point.value[1]))}</b>`).join('')}</div>`;
    }, 'axis'),
    xAxis: { type: 'time', minInterval: 86400000, ...axis(), splitLine: { show: false }, axisLabel: { color: css('--quiet'), fontSize: 12, hideOverlap: true, formatter: (at) => day.format(new Date(at)) } },
    yAxis: small ? inPercent : [inPercent, bandNames],
    // An axis is shown for a series of its own.
    series: [...order.map(line), ...(small ? [] : [{ type: 'line', data: [], yAxisIndex: 1, silent: true }])],
  };
};

// ---- moves

const sides = (flow, found) => ({
  from: flow.from === null ? t('entered') : tierLabel(found, flow.from),
  to: flow.to === null ? t('left') : tierLabel(found, flow.to),
});
const wayMark = (way) => [el('span', { class: `mark ${way}`, 'aria-hidden': 'true' }, GLYPHS[way]), el('span', { class: 'hide' }, `${t(way)}: `)];

const showMoves = () => {
  const found = dimension();
  const name = named('dimension', found.name);
  const flows = flowsOf(found);
  const moved = flows.filter((flow) => flow.direction !== null).sort((a, b) => b.users - a.users);
  say('moves-h', moves() ? t('moves_h', { dimension: name, over: over() }) : t('moves_h_none', { dimension: name }));
  const nothing = !moves() ? t('no_moves') : !flows.length ? t('new_dimension') : '';
  $('moves-none').hidden = !nothing;
  say('moves-none', nothing);
  $('moves-body').hidden = Boolean(nothing);
  const numbers = Object.fromEntries(Object.keys(WAYS).map((way) => [way, count(byWay(flows, way))]));
  say('moves-says', nothing ? '' : !moved.length ? t('nobody_moved', { over: over() }) : t(found.is_ranked ? 'moves_says' : 'moves_says_plain', numbers));
  if (nothing) return;
  say('side-before', t('side_before', { date: date(moves().since) }));
  say('side-after', t('side_after', { date: date(F.snapshot_date) }));
  const shown = state.stayed ? flows : moved;
  const element = $('sankey');
  element.hidden = !shown.length;
  const stands = [...new Set(shown.map((flow) => flow.from))].length;
  const goes = [...new Set(shown.map((flow) => flow.to))].length;
  element.style.height = `${Math.max(360, Math.max(stands, goes) * (narrow(element) ? 64 : 32))}px`;
  charts.get(element)?.instance?.resize();
  chart(element, `${t('flows')}. ${$('moves-says').textContent}`, () => sankey(element, found, shown));
  const ways = [...new Set(shown.map(wayOf))];
  fill('flow-legend', Object.keys(WAYS).filter((way) => ways.includes(way)).map((way) => el('span', { style: { '--c': `var(${WAYS[way]})` } }, t(way))));
  $('moves-table').classList.add('long');
  scroller('moves-table', t('largest'), moved.length ? table(t('largest'), [
    { head: t('move'), kind: 'text', cell: (flow) => { const names = sides(flow, found); return [wayMark(wayOf(flow)), names.from, ' → ', names.to]; } },
    { head: t('users'), cell: (flow) => count(flow.users) },
    { head: t('revenue_365d'), cell: (flow) => money(flow.revenue_365d) },
  ], moved) : el('p', { class: 'quiet' }, t('nobody_moved', { over: over() })));
  matrix(found, flows);
};

const sankey = (element, found, flows) => {
  const paint = colours(found);
  const small = narrow(element);
  const size = small ? 12 : 13;
  const most = small ? 92 : 240;
  const order = [...found.tiers.map((tier) => tier.name), null];
  const unlisted = (name) => !order.includes(name);
  const side = (which) => {
    const present = new Set(flows.map((flow) => flow[which]));
    const names = [...order.filter((name) => present.has(name)), ...[...present].filter(unlisted)];
    return names.map((name) => {
      const text = name === null ? t(which === 'from' ? 'entered' : 'left') : tierLabel(found, name);
      const place = order.indexOf(name);
      const people = count(sum(flows.filter((flow) => flow[which] === name), (flow) => flow.users));
      const lines = linesOf(`${text} ${people}`, size, most);
      return {
        lines, name: t(which === 'from' ? 'before' : 'after', { tier: text }) + `\u0000${which}${name}`, depth: which === 'from' ? 0 : 1,
        itemStyle: { color: name === null || place < 0 ? css('--faint') : paint[place], borderWidth: 0 },
        label: { position: which === 'from' ? 'left' : 'right', align: which === 'from' ? 'right' : 'left', formatter: `${lines.join('\n').slice(0, -people.length)}{n|${people}}`, rich: { n: { color: css('--quiet'), fontSize: 12 } } },
      };
    });
  };
  const [from, to] = [side('from'), side('to')];
  const node = (which, name) => [...from, ...to].find((found) => found.name.endsWith(`\u0000${which}${name}`)).name;
  const labels = [...from, ...to].map((found) => found.lines);
  const room = widest(labels, size) + 12;
  const gap = Math.max(...labels.map((lines) => lines.length)) * (size + 4);
  return {
    tooltip: tooltip((point) => {
      if (point.dataType === 'node') return `<div class="tip">${escaped(point.name.split('\u0000')[0])}: <b>${escaped(users(point.value))}</b></div>`;
      const { flow } = point.data;
      const names = sides(flow, found);
      return `<div class="tip">${escaped(names.from)} → ${escaped(names.to)}<br><b>${escaped(users(flow.users))}</b> · ${escaped(t('revenue_365d'))} ${escaped(money(flow.revenue_365d))}</div>`;
    }),
    series: [{
      type: 'sankey', left: room, right: room, top: Math.max(10, gap / 2), bottom: Math.max(10, gap / 2), nodeWidth: 12, nodeGap: gap, draggable: false, layoutIterations: 0,
      emphasis: { focus: 'adjacency' }, label: { color: css('--ink'), fontSize: size, lineHeight: size + 3 },
      data: [...from, ...to],
      links: flows.map((flow) => ({ source: node('from', flow.from), target: node('to', flow.to), value: flow.users, flow, lineStyle: { color: css(WAYS[wayOf(flow)]), opacity: wayOf(flow) === 'stayed' ? .35 : .55, curveness: .5 } })),
    }],
  };
};

const matrix = (found, flows) => {
  const names = found.tiers.map((tier) => tier.name);
  const extra = (which) => [...new Set(flows.map((flow) => flow[which]))].filter((name) => name !== null && !names.includes(name));
  const rows = [...names, ...extra('from'), ...(flows.some((flow) => flow.from === null) ? [null] : [])];
  const columns = [...names, ...extra('to'), ...(flows.some((flow) => flow.to === null) ? [null] : [])];
  const rowName = (name) => name === null ? t('entered') : tierLabel(found, name);
  const columnName = (name) => name === null ? t('left') : tierLabel(found, name);
  const most = Math.max(1, ...flows.filter((flow) => flow.direction !== null).map((flow) => flow.users));
  const element = $('matrix');
  const box = element.parentElement;
  const small = narrow(box);
  // In little room the names of columns stand upright, and what is too wide scrolls.
  const left = small ? Math.min(120, fitting(rows.map(rowName), 12.5, 2) + 12) : 150;
  const rowLabels = rows.map((name) => linesOf(rowName(name), 12.5, left - 10));
  const cell = small ? Math.max(32, widthOf(count(Math.max(...flows.map((flow) => flow.users))), 12) + 5) : Math.max(50, (box.clientWidth - left - 8) / columns.length);
  const columnWidth = small ? fitting(columns.map(columnName), 12, 2) : cell - 8;
  const columnLabels = columns.map((name) => linesOf(columnName(name), 12, columnWidth));
  const bottom = small ? widest(columnLabels, 12) + 16 : 16 + 16 * Math.max(...columnLabels.map((lines) => lines.length));
  const height = Math.max(38, ...rowLabels.map((lines) => lines.length * 16 + 6));
  element.style.height = `${rows.length * height + bottom + 8}px`;
  element.style.minWidth = `${Math.floor(left + cell * columns.length + 8)}px`;
  scrollable(box, t('matrix'));
  charts.get(element)?.instance?.resize();
  chart(element, t('matrix'), () => {
    const mix = (colour, part) => { const rgb = (hex) => [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16)); const [a, b] = [rgb(colour), rgb(css('--card'))]; return `rgb(${a.map((value, place) => Math.round(value * part + b[place] * (1 - part))).join(',')})`; };
    const light = (rgb) => { const [r, g, b] = rgb.match(/\d+/g).map((part) => { const value = part / 255; return value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b > .18; };
    const data = flows.map((flow) => {
      const way = wayOf(flow);
      const part = way === 'stayed' ? .18 : .12 + .75 * Math.sqrt(flow.users / most);
      const colour = mix(css(way === 'stayed' ? '--faint' : WAYS[way]), part);
      return {
        value: [columns.indexOf(flow.to), rows.indexOf(flow.from), flow.users], flow,
        itemStyle: { color: colour, borderColor: css('--card'), borderWidth: 3, borderRadius: 6 },
        label: { color: light(colour) ? '#10151f' : '#ffffff' },
      };
    });
    return {
      grid: { left, right: 8, top: 8, bottom },
      tooltip: tooltip(({ data: { flow } }) => `<div class="tip">${escaped(rowName(flow.from))} → ${escaped(columnName(flow.to))}<br><b>${escaped(users(flow.users))}</b></div>`),
      xAxis: { type: 'category', data: columnLabels.map((lines) => lines.join('\n')), ...axis(), splitLine: { show: false }, splitArea: { show: false }, axisLine: { show: false }, axisLabel: { color: css('--quiet'), fontSize: 12, lineHeight: 15, interval: 0, rotate: small ? 90 : 0 } },
      yAxis: { type: 'category', inverse: true, data: rowLabels.map((lines) => lines.join('\n')), ...axis(), splitLine: { show: false }, axisLine: { show: false }, axisLabel: { color: css('--ink'), fontSize: 12.5, lineHeight: 16, interval: 0 } },
      series: [{ type: 'heatmap', data, label: { show: true, fontSize: small ? 12 : 13, formatter: ({ value }) => count(value[2]) }, emphasis: { itemStyle: { borderColor: css('--accent') } } }],
      visualMap: { show: false, min: 0, max: 1, dimension: 2, inRange: { opacity: 1 }, outOfRange: { opacity: 1 } },
    };
  });
  const users_ = (row, column) => { const flow = flows.find((found_) => found_.from === row && found_.to === column); return flow ? count(flow.users) : t('nothing'); };
  scroller('matrix-table', t('matrix'), table(t('matrix'), [{ head: t('from_to'), kind: 'text', cell: rowName }, ...columns.map((column) => ({ head: columnName(column), cell: (row) => users_(row, column) }))], rows));
};

// ---- quadrant, actions, warnings, KPIs, playbook, quality

const quadrant = () => {
  const found = F.dimensions.find((other) => other.name === 'value_engagement');
  const tier = (value, engagement) => found?.tiers.find((other) => other.name === `${value}_value_${engagement}_engagement`);
  const cells = [['high', 'low'], ['high', 'high'], ['low', 'low'], ['low', 'high']].map(([value, engagement]) => tier(value, engagement));
  $('quadrant-section').hidden = cells.some((cell) => !cell);
  if (cells.some((cell) => !cell)) return;
  const [people, revenue] = [sum(cells, (cell) => cell.users), sum(cells, (cell) => Number(cell.revenue_365d))];
  say('quadrant-says', t('quadrant_says', { users: users(cells[0].users) }));
  const cell = (shown) => {
    const change = flowsOf(found).length ? net(found, shown.name) : 0;
    return el('div', { class: 'cell', style: { '--w': String(Math.round(4 + 30 * of(shown.users, people))) } },
      el('span', {}, label(shown)), el('strong', {}, count(shown.users)),
      el('span', {}, t('quad_share', { share: share(of(shown.users, people)), revenue: share(of(Number(shown.revenue_365d), revenue)) })),
      flowsOf(found).length ? el('span', { class: 'what' }, changed(change, over())) : null);
  };
  fill('quadrant', el('div', { class: 'quad' },
    el('span'), el('span', { class: 'col' }, t('low_engagement')), el('span', { class: 'col' }, t('high_engagement')),
    el('span', { class: 'row' }, t('high_value')), cell(cells[0]), cell(cells[1]),
    el('span', { class: 'row' }, t('low_value')), cell(cells[2]), cell(cells[3])));
};

const actions = () => {
  const list = F.actions ?? [];
  const contact = list.filter((action) => !leave(action));
  const left = sum(list.filter(leave), (action) => action.users);
  say('actions-says', !F.actions ? t('act_unknown') : !list.length ? t('act_none') : t('actions_says', { contact: users(sum(contact, (action) => action.users)), leave: users(left) }));
  $('actions-body').hidden = !list.length;
  if (!list.length) return;
  const channels = [...new Set(list.map((action) => action.channel))];
  const paint = Object.fromEntries(channels.map((channel, place) => [channel, channel === 'none' ? css('--stay') : PLAIN[dark() ? 'dark' : 'light'][place % PLAIN.light.length]]));
  const element = $('channels');
  const most = narrow(element) ? 128 : 240;
  const names = list.map((action) => linesOf(named('action', action.action), 12.5, most));
  element.style.height = `${list.length * Math.max(29, ...names.map((lines) => lines.length * 16 + 6)) + 12}px`;
  legend('channels-legend', channels.map((channel) => [named('channel', channel), paint[channel]]));
  charts.get(element)?.instance?.resize();
  chart(element, `${t('by_priority')}: ${list.map((action) => `${named('action', action.action)} ${count(action.users)}`).join(', ')}`, () => ({
    grid: { left: widest(names, 12.5) + 14, right: 52, top: 4, bottom: 8 },
    tooltip: tooltip((point) => { const action = list[point.dataIndex]; return `<div class="tip">${escaped(named('action', action.action))}, ${escaped(point.seriesName)}<br><b>${escaped(users(action.users))}</b></div>`; }),
    xAxis: { type: 'value', show: false },
    yAxis: { type: 'category', inverse: true, data: names.map((lines) => lines.join('\n')), ...axis(), axisLine: { show: false }, axisLabel: { color: css('--ink'), fontSize: 12.5, lineHeight: 16, interval: 0 } },
    series: channels.map((channel) => ({
      name: named('channel', channel), type: 'bar', stack: 'all', barMaxWidth: 20, color: paint[channel], itemStyle: { borderRadius: 3 },
      data: list.map((action) => action.channel === channel ? action.users : null),
      label: { show: true, position: 'right', color: css('--ink'), fontSize: 12.5, formatter: ({ value }) => value === null ? '' : count(value) },
    })),
  }));
  const byChannel = channels.map((channel) => {
    const those = list.filter((action) => action.channel === channel);
    return { channel, users: sum(those, (action) => action.users), cut: those[0].channel_cut_users, stake: sum(those, (action) => Number(action.value_at_stake)) };
  }).sort((a, b) => b.users - a.users);
  const busiest = Math.max(1, ...byChannel.map((found) => found.users));
  const channelCuts = byChannel.some((found) => found.cut);
  scroller('channels-table', t('by_channel'), table(t('by_channel'), [
    { head: t('channel'), kind: 'text', cell: (found) => [swatch(paint[found.channel]), named('channel', found.channel)] },
    { head: t('users'), cell: (found) => [count(found.users), bar(found.users / busiest, paint[found.channel])] },
    ...(channelCuts ? [{ head: t('cut'), cell: (found) => found.cut ? count(found.cut) : t('nothing') }] : []),
    { head: t('at_stake'), cell: (found) => money(found.stake) },
  ], byChannel), channelCuts ? el('p', { class: 'quiet' }, t('channel_cut_note')) : '');
  const cuts = list.some((action) => action.cut_users);
  const nobodyFalling = list.some((action) => action.action === FALLING) ? null : fallingAction(FALLING);
  // What holds of all channels of an action is said after the last.
  const isLast = (action) => list.findLast((other) => other.action === action.action) === action;
  scroller('actions-table', t('all_listed'), table(t('all_listed'), [
    // The name that the table has is that to look for in an export.
    { head: t('action'), kind: 'text', cell: (action) => [named('action', action.action), el('br'), el('code', { class: 'quiet' }, action.action)] },
    { head: t('channel'), kind: 'text', cell: (action) => named('channel', action.channel) },
    { head: t('users'), cell: (action) => count(action.users) },
    ...(cuts ? [{ head: t('cut'), cell: (action) => action.cut_users && isLast(action) ? count(action.cut_users) : t('nothing') }] : []),
    { head: t('at_stake'), cell: (action) => money(action.value_at_stake) },
    { head: t('expires'), cell: (action) => action.expires_on ? shortDate(action.expires_on) : t('nothing') },
    { head: t('what_to_do'), kind: 'wide', cell: (action) => [inLanguage(action, 'playbook') ?? t('nothing'), isLast(action) && fallingAction(action.action)].filter(Boolean) },
  ], list), cuts ? el('p', { class: 'quiet' }, t('cut_note')) : '', nobodyFalling ?? '');
  $('users-card').hidden = !F.listed_users.length;
  if (F.listed_users.length) scroller('users-table', t('users_first'), table(t('users_first'), [
    { head: t('user'), kind: 'text', cell: (user) => user.user_id },
    { head: t('action'), kind: 'text', cell: (user) => named('action', user.action) },
    { head: t('channel'), kind: 'text', cell: (user) => named('channel', user.channel) },
    { head: t('why'), kind: 'wide', cell: (user) => inLanguage(user, 'reason') },
    { head: t('at_stake'), cell: (user) => money(user.value_at_stake) },
    { head: t('expires'), cell: (user) => user.expires_on ? shortDate(user.expires_on) : t('nothing') },
  ], F.listed_users));
};

const warnings = () => {
  if (!F.warnings.length) return fill('warnings-table', el('p', { class: 'quiet' }, t('no_warnings')));
  const most = Math.max(1, ...F.warnings.map((warning) => warning.users));
  const some = (value, sign) => value === null ? t('nothing') : value ? `${sign}${count(value)}` : '0';
  scroller('warnings-table', t('warnings'), table(t('warnings'), [
    { head: t('name'), kind: 'text', cell: label },
    { head: t('users'), cell: (warning) => [count(warning.users), bar(warning.users / most, 'var(--down)')] },
    { head: t('new_today'), cell: (warning) => some(warning.raised, '+') },
    { head: t('over_today'), cell: (warning) => some(warning.cleared, '−') },
    { head: t('oldest'), cell: (warning) => warning.oldest_since && warning.users ? date(warning.oldest_since) : t('nothing') },
    { head: t('what_to_do'), kind: 'wide', cell: (warning) => [inLanguage(warning, 'playbook') ?? t('nothing'), fallingWarning(warning.name)].filter(Boolean) },
  ], [...F.warnings].sort((a, b) => b.users - a.users)));
};

const SPARK = 60;
const kpis = () => {
  for (const element of document.querySelectorAll('.spark')) forget(element);
  if (!F.kpis.length) { say('kpis-says', t('no_kpis')); fill('kpis'); return; }
  const known = F.kpis.some((found) => usual(found.metric));
  say('kpis-says', t(known ? 'kpis_says' : 'kpis_says_few'));
  const groups = new Map(Object.keys(words('group')).map((group) => [group, []]));
  for (const found of F.kpis) groups.get(own(WORDS.kpi_group, found.metric) ?? 'own').push(found);
  const order = Object.keys(words('kpi'));
  for (const list of groups.values()) list.sort((a, b) => order.indexOf(a.metric) - order.indexOf(b.metric));
  fill('kpis', [...groups].filter(([, list]) => list.length).map(([group, list]) => el('div', { class: 'group' }, el('h3', {}, words('group')[group]), el('div', { class: 'multiples' }, list.map(multiple)))));
  scroller('kpis-table', t('kpis'), table(t('kpis'), [
    { head: t('metric'), kind: 'text', cell: (found) => metricName(found.metric) },
    { head: t('value'), cell: (found) => metric(found.metric, found.value) },
    { head: t('previous'), cell: (found) => metric(found.metric, found.previous_value) },
    { head: t('usual_range'), cell: (found) => { const range = usual(found.metric); return range ? range.map((value) => metric(found.metric, value)).join(' – ') : t('nothing'); } },
  ], F.kpis, true));
};

const multiple = (found) => {
  const name = metricName(found.metric);
  const range = usual(found.metric);
  const values = (own(F.history.kpis, found.metric) ?? []).slice(-SPARK);
  const some = values.filter((value) => value !== null);
  const near = range ? Math.max(1e-9, Math.abs(range[1] - range[0]) * 1e-6) : 0;
  const place = found.value === null || !range ? null : found.value > range[1] + near ? 'above_usual' : found.value < range[0] - near ? 'below_usual' : 'as_usual';
  const spark = el('div', { class: 'spark' });
  const more = place && place !== 'as_usual' ? digitsApart(found.metric, found.value, range) : 0;
  const sub = found.value === null ? t('no_value') : place ? [el('b', {}, `${place === 'above_usual' ? '▲ ' : place === 'below_usual' ? '▼ ' : ''}${t(place)}`), place === 'as_usual' ? '' : t('beside_usual', { low: metric(found.metric, range[0], more), high: metric(found.metric, range[1], more) })] : found.previous_value === null ? '' : t('before_value', { value: metric(found.metric, found.previous_value) });
  const box = el('div', { class: `multiple ${place && place !== 'as_usual' ? 'off' : ''}` }, el('div', { class: 'label' }, name), el('div', { class: 'big' }, metric(found.metric, found.value, more)), el('div', { class: 'sub' }, sub), some.length > 1 ? spark : null);
  if (some.length > 1) {
    const text = t('spark', { name, n: count(values.length), low: metric(found.metric, Math.min(...some)), high: metric(found.metric, Math.max(...some)), value: metric(found.metric, found.value) });
    chart(spark, text, () => {
      const [low, high] = [Math.min(...some, ...(range ?? [])), Math.max(...some, ...(range ?? []))];
      const pad = (high - low) * .08 || Math.abs(high) * .05 || 1;
      return {
        grid: { left: 2, right: 6, top: 4, bottom: 4 },
        xAxis: { type: 'time', show: false },
        yAxis: { type: 'value', show: false, min: low - pad, max: high + pad },
        tooltip: tooltip((points) => `<div class="tip">${escaped(date(points[0].value[0]))}<br><b>${escaped(metric(found.metric, points[0].value[1]))}</b></div>`, 'axis'),
        series: [{
          type: 'line', data: overDates(values).map((value) => value[0] === F.snapshot_date ? { value, symbol: 'circle', symbolSize: 7 } : { value, symbol: 'none' }), showAllSymbol: true,
          color: css('--up'), lineStyle: { width: 1.8 },
          markArea: range ? { silent: true, itemStyle: { color: css('--band') }, data: [[{ yAxis: range[0] }, { yAxis: range[1] }]] } : undefined,
        }],
      };
    });
  }
  return box;
};

const playbook = () => {
  const found = dimension();
  const paint = colours(found);
  say('playbook-h', t('playbook', { dimension: named('dimension', found.name) }));
  fill('playbook', found.tiers.map((tier, place) => el('div', { class: 'card', style: { '--c': paint[place] } }, el('h3', {}, label(tier), el('span', {}, users(tier.users))), el('p', {}, inLanguage(tier, 'playbook') ?? t('no_playbook')))));
};

const quality = () => {
  const q = F.quality;
  const list = (items) => items.length ? el('ul', {}, items.slice(0, 12).map((item) => el('li', {}, item)), items.length > 12 ? el('li', {}, t('more', { n: count(items.length - 12) })) : null) : t('q_none');
  const rows = [
    [t(q.is_counted ? 'q_rejected' : 'q_sample'), q.rejected.length ? list(q.rejected.map((row) => `${row.source}, ${row.reason}: ${count(row.rows)}`)) : t(q.is_counted ? 'q_none' : 'q_none_sample')],
    [t('q_missing'), list(q.missing_dates.map((day) => date(day)))],
    [t('q_restated'), list(Object.entries(q.restated).map(([day, times]) => t('q_times', { date: date(day), n: count(times) })))],
    ...(q.remarks.length ? [[t('q_remarks'), list(q.remarks)]] : []),
    [t('q_cutpoints'), F.previous_cutpoints_id && F.previous_cutpoints_id !== F.cutpoints_id ? t('q_cutpoints_changed', { id: F.cutpoints_id, before: F.previous_cutpoints_id }) : F.cutpoints_id],
    [t('q_run'), F.run_id],
    ...(q.published_at ? [[t('q_published'), q.published_at.replace('T', ' ').replace('Z', ' UTC')]] : []),
  ];
  fill('quality', el('dl', {}, rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])));
};

// ---- controls

const choices = () => {
  const option = (value, text, chosen) => { const element = el('option', { value }, text); element.selected = chosen; return element; };
  fill('dimension', F.dimensions.map((found, place) => option(String(place), named('dimension', found.name), place === state.dimension)));
  periods();
};
// All periods are there; one without moves does nothing, and the line below says why.
const DAYS = { night: 1, week: 7, month: 28 };
const dayAfter = (day, days) => new Date(Date.parse(day) + days * 86400000).toISOString().slice(0, 10);
const whyNot = (period) => {
  const [first, before] = [F.history.dates[0] ?? F.snapshot_date, dayAfter(F.snapshot_date, -DAYS[period])];
  if (period === 'night') return t('why_first', { period: t(period) });
  return before < first
    ? t('why_young', { period: t(period), date: date(dayAfter(first, DAYS[period])) })
    : t('why_gap', { period: t(period), date: date(before) });
};
const periods = () => {
  const missing = Object.keys(DAYS).filter((period) => !F.moves.some((found) => found.period === period));
  const between = F.moves.find((found) => found.period === 'between');
  const text = (period) => period === 'between' ? t('between', { since: date(between.since) }) : t(period);
  fill('period', [...Object.keys(DAYS), ...(between ? ['between'] : [])].map((period) => {
    const isMissing = missing.includes(period);
    const button = el('button', {
      type: 'button', 'data-period': period, 'aria-pressed': String(!isMissing && period === state.period),
      'aria-disabled': isMissing ? 'true' : null, 'aria-describedby': isMissing ? 'period-why' : null,
    }, text(period));
    button.addEventListener('click', () => { if (choosePeriod(period)) { periods(); periodParts(); $('period').querySelector('[aria-pressed="true"]').focus(); } });
    return button;
  }));
  say('period-why', missing.length ? t('cannot_choose', { list: missing.map(whyNot).join(t('why_and')) }) + (F.moves.length ? t('why_since', { date: date(F.history.dates[0] ?? F.snapshot_date) }) : '') : '');
  $('period-why').hidden = !missing.length;
};
const dimensionParts = () => { tiersNow(); overTime(); showMoves(); playbook(); };
const periodParts = () => { say('compared', moves() ? t('compared', { since: date(moves().since) }) : t('first_night')); headline(); tiles(); tiersNow(); showMoves(); quadrant(); };
const everything = () => { head(); choices(); headline(); tiles(); alerts(); actFirst(); dimensionParts(); quadrant(); actions(); warnings(); kpis(); quality(); };
const theme = (name) => { document.documentElement.dataset.theme = name; };
const choosePeriod = (period) => { if (F.moves.some((found) => found.period === period)) { state.period = period; return true; } return false; };

const wished = matchMedia('(prefers-color-scheme: dark)');
theme(wished.matches ? 'dark' : 'light');
wished.addEventListener('change', () => { theme(wished.matches ? 'dark' : 'light'); everything(); });
state.dimension = Math.max(0, F.dimensions.indexOf(main()));
if (!choosePeriod(location.hash.slice(1)) && !choosePeriod(F.period)) state.period = F.moves[0]?.period ?? 'night';
everything();

$('dimension').addEventListener('change', (event) => { state.dimension = Number(event.target.value); dimensionParts(); });
$('stayed').addEventListener('change', (event) => { state.stayed = event.target.checked; showMoves(); });
$('chooser').addEventListener('submit', (event) => event.preventDefault());
$('language').addEventListener('click', () => { state.language = state.language === 'zh' ? 'en' : 'zh'; everything(); });
$('theme').addEventListener('click', () => { theme(dark() ? 'light' : 'dark'); everything(); });
$('print').addEventListener('click', () => window.print());
let before = null;
let waiting = 0;
let width = window.innerWidth;
window.addEventListener('resize', () => {
  clearTimeout(waiting);
  // A phone that is turned has other room for labels; one that hides its address bar has not.
  waiting = setTimeout(() => { if (window.innerWidth !== width && !before) { width = window.innerWidth; dimensionParts(); actions(); } resize(); }, 120);
});
window.addEventListener('hashchange', () => { if (choosePeriod(location.hash.slice(1))) { periods(); periodParts(); } });
window.addEventListener('beforeprint', () => {
  before = document.documentElement.dataset.theme;
  document.body.classList.add('printing');
  theme('light');
  everything();
  resize();
  drawAll();
});
window.addEventListener('afterprint', () => { document.body.classList.remove('printing'); theme(before ?? 'light'); before = null; everything(); resize(); });
})();
