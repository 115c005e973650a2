// What a page must say of itself: evaluated within it, and returns a line for each problem.
// Reasons of what cannot be chosen, no alarm where nothing happened, minus signs, how those about to fall are
// counted, and no room for alerts that are not there.
export const unsaid = () => {
  const MOST_WITHOUT_ALERTS = 110;
  const figures = JSON.parse(document.getElementById('figures').textContent);
  const found = [];
  const isShown = (element) => Boolean(element?.checkVisibility({ visibilityProperty: true }));

  // The reason names what it is about.
  for (const control of document.querySelectorAll(':disabled, [aria-disabled="true"]')) {
    const reasons = (control.getAttribute('aria-describedby') ?? '').split(/\s+/).map((id) => document.getElementById(id));
    const isTold = reasons.some((reason) => isShown(reason) && reason.textContent.includes(control.textContent.trim()));
    if (!isTold) found.push(`cannot be chosen, without a reason: ${control.textContent.trim() || control.id}`);
  }
  for (const period of ['night', 'week', 'month']) {
    const isThere = figures.moves.some((moves) => moves.period === period);
    const control = document.querySelector(`#period [data-period="${period}"]`);
    if (!control || (control.getAttribute('aria-disabled') !== 'true') !== isThere) found.push(`moves over the ${period} are ${isThere ? '' : 'not '}there, and the page has it otherwise`);
  }

  for (const tile of document.querySelectorAll('.tile.up, .tile.down, .tile.alert')) {
    if (!/[1-9]/.test(tile.querySelector('.big').textContent)) found.push(`nothing happened, in the colour of something: ${tile.textContent}`);
  }
  for (const strong of document.querySelectorAll('#headline b.up, #headline b.down')) {
    if (!/[1-9]/.test(strong.textContent)) found.push(`nothing happened, in the colour of something: ${strong.textContent}`);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (!parentElement.closest('script, style') && /(^|[\s(（:：])-[\d.,]/.test(data)) found.push(`a hyphen for a minus sign: ${data}`);
    if (/[▲▼]\s*0(?![\d.,])/.test(data)) found.push(`an arrow where nothing happened: ${data}`);
  }

  const alerts = document.getElementById('alerts').closest('.card').getBoundingClientRect().height;
  if (!figures.alerts.length && alerts > MOST_WITHOUT_ALERTS) found.push(`no alerts, on ${Math.round(alerts)} pixels`);

  const falling = figures.kpis.find((kpi) => kpi.metric === 'falling_high_value_users')?.value;
  const warned = figures.warnings.some((warning) => warning.name === 'falling_warning');
  const isCounted = (id) => isShown(document.querySelector(`#${id} .counted`));
  if (falling && figures.actions?.length && !isCounted('actions-table')) found.push('the actions do not say how they count those about to fall');
  if (Number.isFinite(falling) && warned && !isCounted('warnings-table')) found.push('the warnings do not say how they count those about to fall');
  const tile = document.querySelector('#tiles .tile:nth-child(5) .sub')?.textContent ?? '';
  if (falling && !/tier|层级/.test(tile)) found.push('the first screen does not say how it counts those about to fall');
  return found;
};
