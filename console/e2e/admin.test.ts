import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWorld, expectSilence, type World } from './world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

test('an administrator limits, stops and gives back, deletes, and reads what happened', async () => {
  const alice = await world.as('alice');
  const made = await alice('POST', '/tokens', { name: 'hers', scopes: ['notes:read'] });
  const use = async () => {
    const answer = await fetch(`${world.origin}/notes`, { headers: { Authorization: `Bearer ${made.body.token}` } });
    return answer.status;
  };
  expect(await use()).toBe(200);

  const visit = await world.visit();
  const { page, context } = visit;
  await visit.signIn('root');
  await page.getByRole('button', { name: 'Menu of Root' }).click();
  await page.getByRole('menuitem', { name: 'Administration' }).click();

  // A policy is previewed, and saved.
  await page.getByRole('checkbox', { name: 'Maximum lifetime' }).check();
  await page.getByRole('textbox', { name: 'Maximum lifetime in days' }).fill('90');
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByText('No token stops working.').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The policy is saved.').waitFor();
  const root = await world.as('root');
  expect((await root('GET', '/admin/policy')).body.max_lifetime_days).toBe(90);

  // The kill switch stops at once, and gives back.
  await page.getByRole('tab', { name: 'People' }).click();
  await page.getByRole('searchbox', { name: /Person, by subject/ }).fill('alice');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByText('alice is disabled.').waitFor();
  expect(await use()).toBe(401);
  await page.getByRole('button', { name: 'Enable' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click();
  await page.getByText('alice is enabled.').waitFor();
  expect(await use()).toBe(200);

  // Nobody stops themselves.
  await page.goto('/admin/people?sub=root');
  await page.getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByText('Nobody disables themselves. Another administrator can do it.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();

  // Several of anybody's tokens are deleted at once.
  await page.goto('/admin/tokens');
  await page.getByRole('checkbox', { name: 'Select hers of alice' }).check();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('row', { name: /hers/ }).getByText('Revoked').waitFor();
  expect(await use()).toBe(401);

  // What happened is told.
  await page.goto('/admin/trail');
  for (const sentence of [
    /root \(administrator\) disabled alice\./,
    /root \(administrator\) enabled alice\./,
    /root \(administrator\) deleted the token \w+ of alice\./,
    /root \(administrator\) changed the policy: Maximum lifetime\./,
    /was refused: the token was stopped\./,
  ]) {
    await page.getByRole('row', { name: sentence }).waitFor();
  }
  expectSilence(visit, /status of 409/);
  await context.close();
});

test('others find nothing there', async () => {
  const visit = await world.visit();
  await visit.signIn('bob', '/admin/people?sub=alice');
  await visit.page.getByText('This section is for administrators.').waitFor();
  expectSilence(visit);
  await visit.context.close();
});
