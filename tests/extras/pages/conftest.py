"""Pages open in the browser of the core's tests, and cameras are those of the capture's tests."""

from tests.browser.conftest import browser, open_page
from tests.capture.conftest import own_home, virtual_folder

__all__ = ["browser", "open_page", "own_home", "virtual_folder"]

CONTRAST = """
const channels = (text) => text.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
  .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const paper = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const [r, g, b, alpha = 1] = channels(getComputedStyle(e).backgroundColor);
    if (alpha === 1) return [r, g, b];
  }
};
const worst = {};
for (const element of document.querySelectorAll('main *, header *')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || element.closest('.stage') || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const ink = element instanceof SVGElement ? style.fill : style.color;
  const [a, b] = [luminance(channels(ink)), luminance(paper(element))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) worst[element.outerHTML.slice(0, 80)] = ratio;
}
return worst;
"""
