import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWorld, expectSilence, refusals, refuse, TOKENS, type World } from './world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

const create = (page: Page) => page.getByRole('button', { name: 'Create token' });

async function fill(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByRole('checkbox', { name: 'notes:read' }).check();
}

/** Signs in and opens the form. */
async function form(person = 'alice', query = '') {
  const visit = await world.visit();
  await visit.signIn(person, `/tokens/new${query}`);
  await visit.page.getByRole('heading', { name: 'Create a token' }).waitFor();
  await visit.page.getByLabel('Name').waitFor();
  return visit;
}

const focused = (page: Page) =>
  page.evaluate(() => (document.activeElement as HTMLInputElement).labels?.[0]?.textContent);

describe('creating', () => {
  test('everything wrong is said at once, at its field, and the first one has the focus', async () => {
    const visit = await form();
    const { page } = visit;
    await create(page).click();
    await page.getByText('Give it a name.').waitFor();
    await page.getByText('Choose at least one permission.').waitFor();
    await expect.poll(() => focused(page)).toBe('Name');
    // A network is judged as the server would.
    await fill(page, 'networks');
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByLabel(/^Allowed networks/).fill('2001:db8::1/32');
    await create(page).click();
    await page.getByText('2001:db8::1/32 has bits set after its length. The network is 2001:db8::/32.').waitFor();
    await expect.poll(() => focused(page)).toContain('Allowed networks');
    await page.getByLabel(/^Allowed networks/).fill('2001:db8::/32');
    // What only the server judges comes back to its field: a symbol that shows nothing.
    await page.getByLabel('Name').fill('net\u2800works');
    await create(page).click();
    await page.getByText(/^The server does not accept this value: /).waitFor();
    await expect.poll(() => focused(page)).toBe('Name');
    await page.getByLabel('Name').fill('networks');
    await create(page).click();
    await page.getByRole('heading', { name: 'networks is created' }).waitFor();
    expectSilence(visit, refusals);
    await visit.context.close();
  });

  test('a name that is taken is said at the name', async () => {
    const alice = await world.as('alice');
    expect((await alice('POST', '/tokens', { name: 'taken', scopes: ['notes:read'] })).status).toBe(201);
    const { page, context } = await form();
    await fill(page, 'Taken');
    await create(page).click();
    await page.getByText('You have a token of this name. Choose another.').waitFor();
    await expect.poll(() => focused(page)).toBe('Name');
    await page.getByLabel('Name').fill('another');
    await create(page).click();
    await page.getByRole('heading', { name: 'another is created' }).waitFor();
    await context.close();
  });

  test('a right that was lost meanwhile is refused, and nothing typed is lost', async () => {
    const { page, context } = await form('root');
    await page.getByLabel('Name').fill('introspection');
    await page.getByRole('checkbox', { name: 'introspect' }).check();
    const root = await world.as('root', 'users'); // somebody takes admins away
    expect((await root('GET', '/tokens')).status).toBe(200);
    await create(page).click();
    await page.getByText('You may not grant one of these permissions any more.').waitFor();
    expect(await page.getByLabel('Name').inputValue()).toBe('introspection');
    await world.as('root', 'users admins');
    await context.close();
  });

  test('a service that cannot answer keeps what was typed, and is asked again', async () => {
    const { page, context } = await form();
    await fill(page, 'patience');
    await page.getByLabel(/^Description/).fill('It stays.');
    const refused = await refuse(page, 'POST', TOKENS, 503, 'unavailable');
    await create(page).click();
    await page.getByText('The service cannot answer right now. Try again in a moment.').waitFor();
    expect(refused.times()).toBe(1); // a create is never repeated by itself
    expect(await page.getByLabel('Name').inputValue()).toBe('patience');
    expect(await page.getByLabel(/^Description/).inputValue()).toBe('It stays.');
    expect(await page.getByRole('checkbox', { name: 'notes:read' }).isChecked()).toBe(true);
    await refused.undo();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'patience is created' }).waitFor();
    await context.close();
  });

  test('an answer that never came: the name is taken then, and the page says what to do', async () => {
    const { page, context } = await form();
    await fill(page, 'lost');
    await page.route(TOKENS, async (route) => {
      if (route.request().method() !== 'POST') return route.fallback();
      await route.fetch(); // the server does it
      return route.abort('connectionreset');
    });
    await create(page).click();
    await page.getByText(/^The token may have been created/).waitFor();
    await page.unroute(TOKENS);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText(/^Your first attempt did create it/).waitFor();
    await context.close();
  });

  test('a double click makes one token', async () => {
    const { page, context } = await form();
    await fill(page, 'twice');
    let sent = 0;
    page.on('request', (r) => {
      if (r.method() === 'POST' && TOKENS.test(r.url())) sent++;
    });
    await create(page).dblclick();
    await page.getByRole('heading', { name: 'twice is created' }).waitFor();
    const alice = await world.as('alice');
    const { body } = await alice('GET', '/tokens?status=active&limit=100');
    expect(body.tokens.filter((t: { name: string }) => t.name.startsWith('twice'))).toHaveLength(1);
    expect(sent).toBe(1);
    await context.close();
  });

  test('Back during creation asks, and the value is not lost', async () => {
    const { page, context } = await form();
    // A page to go back to.
    await page.getByRole('link', { name: 'Cancel' }).click();
    await page.getByRole('heading', { name: 'Configuration' }).waitFor();
    await page.getByRole('link', { name: 'Create token' }).first().click();
    await fill(page, 'slow');
    let finish: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await page.route(TOKENS, async (route) => {
      if (route.request().method() !== 'POST') return route.fallback();
      await held;
      return route.continue();
    });
    await create(page).click();
    await page.goBack();
    await page.getByText('The token is being created. If you leave now, you will never see its value.').waitFor();
    finish();
    await page.getByRole('heading', { name: 'slow is created' }).waitFor();
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    await page.goBack();
    await page.getByText(/The value of this token is shown only here/).waitFor();
    await page.getByRole('button', { name: 'Stay' }).click();
    await page.getByText('Copy the value now').waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('heading', { name: 'Configuration' }).waitFor();
    await page.goForward();
    await page.getByLabel('Name').waitFor();
    expect(await page.content()).not.toMatch(/cfoil_[0-9A-Za-z]{52}/);
    await context.close();
  });

  test('closing the window while a value is shown asks first', async () => {
    const { page, context } = await form();
    await fill(page, 'closing');
    await create(page).click();
    await page.getByText('Copy the value now').waitFor();
    const asked = page.waitForEvent('dialog');
    const closing = page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    await closing;
    await page.getByText('Copy the value now').waitFor();
    await context.close();
  });
});

describe('the session', () => {
  test('ends while a form is filled in: signing in again in its window goes on where it stopped', async () => {
    const { page, context } = await form();
    await fill(page, 'after the hour');
    let refusedOnce = false;
    await page.route(TOKENS, (route) => {
      if (route.request().method() !== 'POST' || refusedOnce) return route.fallback();
      refusedOnce = true;
      return route.fulfill({
        status: 401,
        contentType: 'application/problem+json',
        body: JSON.stringify({ type: 'urn:counterfoil:unauthorized', title: 'x', status: 401, code: 'unauthorized' }),
      });
    });
    await create(page).click();
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    const [popup] = await Promise.all([
      context.waitForEvent('page'),
      dialog.getByRole('button', { name: 'Sign in again' }).click(),
    ]);
    // The provider still knows the person: the window closes by itself.
    if (!popup.isClosed()) await popup.waitForEvent('close');
    await page.getByRole('heading', { name: 'after the hour is created' }).waitFor();
    await context.close();
  });

  test('a person who would rather not is told, and keeps what was typed', async () => {
    const { page, context } = await form();
    await fill(page, 'not now');
    const refused = await refuse(page, 'POST', TOKENS, 401, 'unauthorized');
    await create(page).click();
    await page.getByRole('button', { name: 'Not now' }).click();
    await page.getByText('You have to sign in again for that.').waitFor();
    expect(await page.getByLabel('Name').inputValue()).toBe('not now');
    await refused.undo();
    await context.close();
  });

  test('a recent sign-in is asked for where the policy wants one', async () => {
    const { page, context } = await form();
    await fill(page, 'recent');
    let refusedOnce = false;
    await page.route(TOKENS, (route) => {
      if (route.request().method() !== 'POST' || refusedOnce) return route.fallback();
      refusedOnce = true;
      const code = 'insufficient_user_authentication';
      return route.fulfill({
        status: 401,
        contentType: 'application/problem+json',
        body: JSON.stringify({ type: `urn:counterfoil:${code}`, title: 'x', status: 401, code, max_age: 60 }),
      });
    });
    await create(page).click();
    const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' });
    const [popup] = await Promise.all([
      context.waitForEvent('page'),
      dialog.getByRole('button', { name: 'Sign in again' }).click(),
    ]);
    // A provider that knows the person asks all the same.
    await popup.getByRole('button', { name: /alice/i }).click();
    if (!popup.isClosed()) await popup.waitForEvent('close');
    await page.getByRole('heading', { name: 'recent is created' }).waitFor();
    await context.close();
  });

  test('a reload signs in again without a question, at the same address', async () => {
    const { page, context, signIn } = await world.visit();
    await signIn('alice', '/configuration?view=all&q=nothing-like-it');
    await page.getByText('None of your tokens is here.').waitFor();
    await page.reload();
    await page.getByText('None of your tokens is here.').waitFor();
    expect(new URL(page.url()).search).toBe('?view=all&q=nothing-like-it');
    await context.close();
  });

  test('signing out ends it at the provider too', async () => {
    const { page, context, signIn } = await world.visit();
    await signIn('alice');
    await page.getByRole('button', { name: 'Menu of Alice' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    await page.goBack(); // to a page that asks the provider, and learns that nobody is signed in
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('button', { name: /alice/i }).waitFor(); // the picker asks who it is
    await context.close();
  });
});

describe('signing out', () => {
  test('who signs out over a value and stays has lost nothing, and can sign out later', async () => {
    const { page, context, signIn } = await world.visit();
    await signIn('alice', '/tokens/new?name=stayed&scopes=notes:read');
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByText('Copy the value now').waitFor();
    const asked = new Promise<void>((resolve) => {
      page.once('dialog', (question) => question.dismiss().then(resolve));
    });
    await page.getByRole('button', { name: 'Menu of Alice' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await asked;
    await page.getByRole('button', { name: 'Copy: Token value' }).click();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('link', { name: 'stayed' }).waitFor(); // read with the session that is still there
    await page.getByRole('button', { name: 'Menu of Alice' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    await context.close();
  });

  test('who signs out gives a refresh token back, where the issuer gave one and takes it', async () => {
    // The request outlives its page, and then no test tool sees it: a server has to.
    const given: string[] = [];
    const issuer = createServer((request, response) => {
      request.setEncoding('utf8').on('data', (text) => given.push(text));
      request.on('end', () => response.end());
    });
    await new Promise<void>((listening) => issuer.listen(0, '127.0.0.1', listening));
    const { page, context, signIn } = await world.visit({ bypassCSP: true });
    const patch = (path: string, more: object) =>
      context.route(`**/idp/${path}`, async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), ...more } });
      });
    const { port } = issuer.address() as AddressInfo;
    await patch('.well-known/openid-configuration', { revocation_endpoint: `http://127.0.0.1:${port}/revoke` });
    await patch('token', { refresh_token: 'refresh-1' });
    await signIn('alice');
    await page.getByRole('button', { name: 'Menu of Alice' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    await expect
      .poll(() => given)
      .toEqual(['token=refresh-1&token_type_hint=refresh_token&client_id=counterfoil-console']);
    await context.close();
    issuer.close();
  });
});

describe('two windows', () => {
  test('signing out in one ends it in the other', async () => {
    const { page, context, signIn } = await world.visit();
    await signIn('alice', '/configuration');
    const other = await context.newPage();
    await other.goto('/configuration');
    await other.getByRole('button', { name: 'Menu of Alice' }).click();
    await other.getByRole('menuitem', { name: 'Sign out' }).click();
    await other.getByText('You are signed out.').waitFor();
    await page.getByText('You are signed out.').waitFor();
    await context.close();
  });

  test('what one deleted is gone in the other; deleting it there again does no harm', async () => {
    const alice = await world.as('alice');
    await alice('POST', '/tokens', { name: 'shared', scopes: ['notes:read'] });
    const visit = await world.visit();
    const { page, context } = visit;
    await visit.signIn('alice');
    await page.getByRole('link', { name: 'shared' }).click();
    await page.getByRole('heading', { name: 'shared' }).waitFor();
    const other = await context.newPage();
    await other.goto('/configuration'); // signed in without a question
    await other.getByRole('button', { name: 'Actions for shared' }).click();
    await other.getByRole('menuitem', { name: 'Delete' }).click();
    await other.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await other.getByText('The token shared is deleted.').waitFor();
    await page
      .getByRole('button', { name: 'Delete' })
      .click()
      .catch(() => {}); // it may know already
    await other.close();
    await page.goto('/configuration?view=revoked');
    await page.getByRole('link', { name: 'shared' }).waitFor();
    await context.close();
  });

  test('a change that another window overtook is refused where it matters, and nothing is lost', async () => {
    const alice = await world.as('alice');
    const made = await alice('POST', '/tokens', { name: 'contested', scopes: ['notes:read', 'notes:write'] });
    const visit = await world.visit();
    const { page, context } = visit;
    await visit.signIn('alice', `/tokens/${made.body.id}?do=edit`);
    await page.getByLabel(/^Description/).fill('mine');
    await alice('PATCH', `/tokens/${made.body.id}`, { scopes: ['notes:read'] });
    await page.getByRole('checkbox', { name: 'notes:write' }).uncheck();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The token contested is saved.').waitFor();
    const now = await alice('GET', `/tokens/${made.body.id}`);
    expect(now.body.scopes).toEqual(['notes:read']);
    expect(now.body.description).toBe('mine');
    await alice('DELETE', `/tokens/${made.body.id}`);
    await page.getByRole('button', { name: 'Rotate' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    await page.getByText('The token has expired or was revoked meanwhile.').waitFor();
    await context.close();
  });
});

describe('reading', () => {
  test('a list that cannot be read says so, and is read again', async () => {
    const visit = await world.visit();
    const { page, context } = visit;
    await visit.signIn('bob');
    await page.getByText('No tokens yet').waitFor();
    await page.route(TOKENS, (route) => route.abort('internetdisconnected'));
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('No answer came. Check your connection and try again.').waitFor();
    await page.unroute(TOKENS);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(() => page.getByText('No answer came.').count()).toBe(0);
    await context.close();
  });

  test('a page that is opened without a connection says so', async () => {
    const { page, context, signIn } = await world.visit();
    await signIn('bob', '/configuration');
    await page.getByText('No tokens yet').waitFor();
    await context.setOffline(true);
    await page.getByRole('link', { name: 'Create token' }).first().click();
    await page.getByText('No answer came. Check your connection and try again.').first().waitFor();
    await context.close();
  });

  test('deleting that fails says why, and is tried again', async () => {
    const bob = await world.as('bob');
    for (const name of ['one', 'two']) await bob('POST', '/tokens', { name, scopes: ['profile'] });
    const visit = await world.visit();
    const { page, context } = visit;
    await visit.signIn('bob');
    await page.getByRole('checkbox', { name: 'Select one' }).check();
    await page.getByRole('checkbox', { name: 'Select two' }).check();
    await page.getByRole('button', { name: 'Delete 2' }).click();
    const refused = await refuse(page, 'DELETE', /\/tokens\/[0-9A-Za-z]{10}$/, 503, 'unavailable');
    const dialog = page.getByRole('dialog', { name: 'Delete 2 tokens?' });
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByText('Not deleted. The service cannot answer right now.').first().waitFor();
    await refused.undo();
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('2 tokens are deleted.').waitFor();
    await context.close();
  });

  test('somebody else’s token and one that never was look the same', async () => {
    const alice = await world.as('alice');
    const hers = await alice('POST', '/tokens', { name: 'hers', scopes: ['notes:read'] });
    const visit = await world.visit();
    const { page, context } = visit;
    await visit.signIn('bob', `/tokens/${hers.body.id}`);
    const text = 'There is no such token, or it was deleted more than 30 days ago.';
    await page.getByText(text).waitFor();
    await page.goto('/tokens/0000000000');
    await page.getByText(text).waitFor();
    await context.close();
  });
});
