// What keeps a page from being read on a phone: evaluated within it, and returns a line for each problem.
// Texts that are cut, lie over each other or are small, places to tap that are small, and boxes that scroll
// sideways without a sign that they do.
export const unreadable = () => {
  const LEAST_FONT = 12;
  const LEAST_TARGET = 40;
  const found = new Set();
  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest('.skip')
    && ![element, ...ancestors(element)].some((around) => getComputedStyle(around).clipPath.startsWith('inset(50%'));
  const ancestors = (element) => element.parentElement ? [element.parentElement, ...ancestors(element.parentElement)] : [];
  const words = (element) => [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data.trim()).join(' ').trim();
  const place = (element) => { const around = element.closest('[id]'); return around ? `#${around.id}` : element.tagName.toLowerCase(); };

  for (const element of document.body.querySelectorAll('*')) {
    const text = words(element);
    if (!text || ['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(element.tagName) || !shown(element)) continue;
    if (parseFloat(getComputedStyle(element).fontSize) < LEAST_FONT) found.add(`text under ${LEAST_FONT} px in ${place(element)}: ${text}`);
    const cutsOff = !element.closest('svg') && getComputedStyle(element).overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1;
    if (cutsOff || /(…|\.\.\.)$/.test(text)) found.add(`text is cut in ${place(element)}: ${text}`);
  }
  for (const drawing of document.querySelectorAll('.chart svg')) {
    const frame = drawing.getBoundingClientRect();
    const texts = [...drawing.querySelectorAll('text')].map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }));
    for (const [at, { text, box }] of texts.entries()) {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) found.add(`text is cut at the edge of ${place(drawing)}: ${text}`);
      for (const other of texts.slice(at + 1)) {
        const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
        if (across > 4 && down > 4) found.add(`texts lie over each other in ${place(drawing)}: ${text} and ${other.text}`);
      }
    }
  }
  for (const target of document.querySelectorAll('button, select, summary, a[href], label:has(input)')) {
    if (shown(target) && target.getBoundingClientRect().height < LEAST_TARGET - .5) found.add(`less than ${LEAST_TARGET} px to tap: ${target.textContent.trim().slice(0, 40)}`);
  }
  for (const box of document.querySelectorAll('body *')) {
    const style = getComputedStyle(box);
    if (!['auto', 'scroll'].includes(style.overflowX) || box.scrollWidth <= box.clientWidth + 1 || !shown(box)) continue;
    if (style.maskImage === 'none' && !style.backgroundImage.includes('gradient')) found.add(`scrolls sideways without a sign: ${place(box)}`);
    if (box.tabIndex < 0) found.add(`scrolls, and no key reaches it: ${place(box)}`);
  }
  return [...found];
};
