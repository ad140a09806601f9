import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWorld, type World } from './world';

let world: World;
beforeAll(async () => {
  // Playwright turns off what keeps pages for Back; people's browsers have it.
  world = await createWorld({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
});
afterAll(() => world?.end());

/** Goes to a page without ours, and back; reports whether ours was kept. */
async function thereAndBack(page: import('playwright-core').Page): Promise<boolean> {
  page.on('dialog', (question) => void question.accept());
  await page.evaluate(() =>
    window.addEventListener('pageshow', (event) => sessionStorage.setItem('kept', String(event.persisted))),
  );
  await page.goto('/.well-known/jwks.json');
  await page.goBack({ waitUntil: 'commit' }).catch(() => {}); // it goes on from there by itself
  await page.locator('main, #top').first().waitFor();
  return (await page.evaluate(() => sessionStorage.getItem('kept'))) === 'true';
}

test('Back brings no value back', async () => {
  const { page, signIn } = await world.visit();
  await signIn('alice', '/tokens/new?name=ci&scopes=notes:read');
  await page.getByRole('button', { name: 'Create token' }).click();
  await page.getByText(/^cfoil_[0-9A-Za-z]{52}$/).waitFor();
  expect(await thereAndBack(page)).toBe(true);
  await page.getByRole('textbox', { name: 'Name' }).waitFor();
  expect(await page.content()).not.toMatch(/cfoil_[0-9A-Za-z]{52}/);
});

test('Back after somebody signed out elsewhere shows nothing of theirs', async () => {
  const { context, page, signIn } = await world.visit();
  await signIn('alice', '/configuration');
  await page.getByRole('link', { name: 'ci', exact: true }).waitFor();
  await context.clearCookies(); // as at the end of a session
  expect(await thereAndBack(page)).toBe(true);
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  expect(await page.getByText('ci', { exact: true }).count()).toBe(0);
});
