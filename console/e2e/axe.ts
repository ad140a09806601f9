import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The menu of a table's row, and its tooltip, are drawn beside all landmarks, or the table would cut them off. */
const isMenu = (html: string) =>
  html.startsWith('<div id="dropdown_') || html.startsWith('<div class="awsui_container-body');

/**
 * Returns what axe finds wrong with a page as it is. A script tag would break the
 * page's own policy, so axe comes in by the debugger.
 */
export async function violations(page: Page): Promise<string[]> {
  const debug = await page.context().newCDPSession(page);
  await debug.send('Runtime.evaluate', { expression: source });
  await debug.detach();
  const results = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as AxeResults;
  return results.violations
    .map((v) => ({ id: v.id, nodes: v.nodes.map((n) => n.html).filter((html) => v.id !== 'region' || !isMenu(html)) }))
    .filter((v) => v.nodes.length > 0)
    .map((v) => `${v.id}: ${v.nodes.map((html) => html.slice(0, 200)).join(' | ')}`);
}
