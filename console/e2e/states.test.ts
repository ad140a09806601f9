import { mkdirSync } from 'node:fs';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { violations } from './axe';
import { serveMany, serveTrail } from './many';
import { createWorld, expectSilence, refusals, refuse, TOKENS, type World } from './world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.end());

const shots = process.env.SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

/** How people look at the console. */
const looks: Record<string, BrowserContextOptions> = {
  light: { viewport: { width: 1280, height: 900 } },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
};
if (shots) looks.tablet = { viewport: { width: 820, height: 1100 } };

const button = (page: Page, name: string | RegExp) =>
  page.getByRole('button', { name, exact: typeof name === 'string' });
const one = (n: number) => `/tokens/4gT2a0000${n}`;

/**
 * Every state of every page: how one gets there from a signed-in page. What it
 * returns undoes what it has put in the way.
 */
const states: [name: string, reach: (page: Page) => Promise<undefined | (() => Promise<void>)>][] = [
  [
    'configuration, empty',
    async (page) => {
      await page.goto('/configuration');
      await page.getByText('No tokens yet').waitFor();
      return undefined;
    },
  ],
  [
    'configuration, the user menu',
    async (page) => {
      await page.goto('/configuration');
      await button(page, /^Menu of/).click();
      await page.getByRole('menuitem', { name: 'Sign out' }).waitFor();
      return undefined;
    },
  ],
  [
    'configuration, the settings',
    async (page) => {
      await page.goto('/configuration');
      await button(page, 'Settings').click();
      await page.getByRole('menuitemcheckbox', { name: 'Italiano' }).waitFor();
      return undefined;
    },
  ],
  [
    'configuration, loading',
    async (page) => {
      let go: () => void = () => {};
      const held = new Promise<void>((resolve) => {
        go = resolve;
      });
      await page.route(TOKENS, async (route) => {
        await held;
        await route.fallback();
      });
      await page.goto('/configuration');
      await page.getByText('Loading').first().waitFor();
      return async () => {
        go();
        await page.unroute(TOKENS);
      };
    },
  ],
  [
    'configuration, unreadable',
    async (page) => {
      const refused = await refuse(page, 'GET', TOKENS, 500, 'internal');
      await page.goto('/configuration');
      await page.getByText('Your tokens cannot be read').first().waitFor();
      return refused.undo;
    },
  ],
  ...(['active', 'expiring', 'unused', 'disabled', 'expired', 'revoked', 'all'] as const).map(
    (view): (typeof states)[number] => [
      `configuration, view ${view}`,
      async (page) => {
        const undo = await serveMany(page);
        await page.goto(`/configuration?view=${view}`);
        await page.getByRole('row').nth(1).waitFor();
        return undo;
      },
    ],
  ),
  [
    'configuration, nothing found',
    async (page) => {
      const undo = await serveMany(page);
      await page.goto('/configuration?q=nothing');
      await page.getByText('None of your tokens is here.').waitFor();
      return undo;
    },
  ],
  [
    'configuration, actions of a row',
    async (page) => {
      const undo = await serveMany(page);
      await page.goto('/configuration?view=all');
      await page.getByRole('row').nth(1).waitFor();
      const actions = button(page, 'Actions for leaked in a log');
      if ((await actions.count()) === 0) return undo; // a phone has them on the token's own page
      await actions.click();
      await page.getByRole('menuitem', { name: 'Duplicate' }).waitFor();
      return undo;
    },
  ],
  [
    'configuration, when and where it was last used',
    async (page) => {
      const undo = await serveMany(page);
      await page.goto('/configuration');
      await page.getByRole('row').nth(1).waitFor();
      const when = page.getByRole('row', { name: /nightly build/ }).getByRole('button', { name: /ago$/ });
      if ((await when.count()) === 0) return undo; // a phone has it on the token's own page
      await when.click();
      await page.getByText('From 198.51.100.7').waitFor();
      return undo;
    },
  ],
  [
    'configuration, several chosen',
    async (page) => {
      const undo = await serveMany(page);
      await page.goto('/configuration');
      await page.getByRole('checkbox', { name: 'Select nightly build' }).check();
      await page.getByRole('checkbox', { name: 'Select laptop' }).check();
      return undo;
    },
  ],
  [
    'delete, several',
    async (page) => {
      const undo = await serveMany(page);
      await page.goto('/configuration');
      await page.getByRole('checkbox', { name: 'Select nightly build' }).check();
      await page.getByRole('checkbox', { name: 'Select never tried' }).check();
      await button(page, 'Delete 2').click();
      await page.getByRole('dialog').waitFor();
      return undo;
    },
  ],
  [
    'delete, failed',
    async (page) => {
      const undo = await serveMany(page);
      const refused = await refuse(page, 'DELETE', /\/tokens\//, 503, 'unavailable');
      await page.goto(`${one(1)}?do=delete`);
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByText(/^Not deleted/).waitFor();
      return async () => {
        await refused.undo();
        await undo();
      };
    },
  ],
  [
    'create',
    async (page) => {
      await page.goto('/tokens/new');
      await page.getByLabel('Name').waitFor();
      return undefined;
    },
  ],
  [
    'create, filled in by an address',
    async (page) => {
      await page.goto('/tokens/new?name=ci&scopes=notes:read+nothing:real&days=30&networks=192.0.2.0/24');
      await page.getByText(/do not exist or that you may not grant/).waitFor();
      return undefined;
    },
  ],
  [
    'create, mistakes',
    async (page) => {
      await page.goto('/tokens/new');
      await page.getByLabel('Name').waitFor();
      await button(page, 'Create token').click();
      await page.getByText('Choose at least one permission.').waitFor();
      return undefined;
    },
  ],
  [
    'create, when it ends',
    async (page) => {
      await page.goto('/tokens/new');
      await button(page, /^Expiration/).click();
      await page.getByRole('option', { name: /^30 days/ }).waitFor();
      return undefined;
    },
  ],
  [
    'create, a custom end',
    async (page) => {
      await page.goto('/tokens/new');
      await button(page, /^Expiration/).click();
      await page.getByRole('option', { name: 'Custom' }).click();
      await page.getByRole('grid').waitFor();
      return undefined;
    },
  ],
  [
    'create, refused',
    async (page) => {
      const refused = await refuse(page, 'POST', TOKENS, 503, 'unavailable');
      await page.goto('/tokens/new?name=ci&scopes=notes:read');
      await page.getByLabel('Name').waitFor();
      await button(page, 'Create token').click();
      await page.getByText('The token was not created').waitFor();
      return refused.undo;
    },
  ],
  [
    'create, refused in the server’s words',
    async (page) => {
      const errors = [{ field: 'expires_at', message: 'must not be later than 2026-12-01T00:00:00Z' }];
      const refused = await refuse(page, 'POST', TOKENS, 400, 'invalid_request', { errors });
      await page.goto('/tokens/new?name=ci&scopes=notes:read');
      await page.getByLabel('Name').waitFor();
      await button(page, 'Create token').click();
      await page.getByText('must not be later').waitFor();
      return refused.undo;
    },
  ],
  [
    'the session has ended',
    async (page) => {
      const refused = await refuse(page, 'POST', TOKENS, 401, 'unauthorized');
      await page.goto('/tokens/new?name=ci&scopes=notes:read');
      await page.getByLabel('Name').waitFor();
      await button(page, 'Create token').click();
      await page.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
      return refused.undo;
    },
  ],
  ...(
    [
      'details',
      'details, expiring',
      'details, networks and rotation',
      'details, unused',
      'details, never used',
      'details, stopped',
      'details, expired',
      'details, revoked',
      'details, limited by policy',
    ] as const
  ).map((name, i): (typeof states)[number] => [
    name,
    async (page) => {
      const undo = await serveMany(page);
      await page.goto(one(i + 1));
      await page.getByText('Value starts with').waitFor();
      await button(page, /^Show each of/)
        .first()
        .waitFor();
      return undo;
    },
  ]),
  [
    'details, no such token',
    async (page) => {
      await page.goto('/tokens/0000000000');
      await page.getByText(/There is no such token/).waitFor();
      return undefined;
    },
  ],
  [
    'edit',
    async (page) => {
      const undo = await serveMany(page);
      await page.goto(`${one(2)}?do=edit`);
      await page.getByRole('checkbox', { name: 'notes:write' }).uncheck();
      await page.getByRole('checkbox', { name: 'Change when it expires' }).check();
      return undo;
    },
  ],
  [
    'rotate',
    async (page) => {
      const undo = await serveMany(page);
      await page.goto(`${one(1)}?do=rotate`);
      await page.getByRole('radio', { name: 'Now' }).check();
      return undo;
    },
  ],
  [
    'rotate, no answer',
    async (page) => {
      const undo = await serveMany(page);
      await page.route(/\/rotate$/, (route) => route.abort('connectionreset'));
      await page.goto(`${one(1)}?do=rotate`);
      await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
      await page.getByText(/may have been made without reaching you/).waitFor();
      return async () => {
        await page.unroute(/\/rotate$/);
        await undo();
      };
    },
  ],
];

/** Draws a state where shots are wanted; returns what is wrong with it. */
async function look(page: Page, mode: string, name: string): Promise<string[]> {
  if (shots)
    await page.screenshot({
      path: `${shots}/${name} - ${mode}.png`,
      fullPage: (await page.getByRole('dialog').count()) === 0,
    });
  return (await violations(page)).map((v) => `${name}: ${v}`);
}

const body = { dark: 'body.awsui-dark-mode', light: 'body:not(.awsui-dark-mode)' };

/** What is light and what is dark are one page: getting there takes longer than looking. */
const windows = Object.keys(looks).filter((mode) => mode !== 'dark');

test.each(windows)('every state of every page, %s', { timeout: 300_000 }, async (mode) => {
  const wrong: string[] = [];
  const visit = await world.visit(looks[mode]);
  const { page, context } = visit;
  await visit.signIn('alice');
  expect(states.length).toBeGreaterThan(0);
  for (const [name, reach] of states) {
    const undo = await reach(page);
    wrong.push(...(await look(page, mode, name)));
    if (mode === 'light')
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.locator(body[colorScheme]).waitFor();
        if (colorScheme === 'dark') wrong.push(...(await look(page, colorScheme, name)));
      }
    await undo?.();
  }
  expect(wrong).toEqual([]);
  expectSilence(visit, refusals);
  await context.close();
});

describe.each(Object.keys(looks))('%s', (mode) => {
  test('nobody is signed in', async () => {
    const wrong: string[] = [];
    const visit = await world.visit(looks[mode]);
    const { page, context } = visit;
    await page.goto('/');
    await button(page, 'Sign in').waitFor();
    wrong.push(...(await look(page, mode, 'welcome')));
    await page.goto('/signed-out');
    await page.getByText('You are signed out.').waitFor();
    wrong.push(...(await look(page, mode, 'signed out')));
    await page.route('**/config.json', (route) => route.fulfill({ status: 503 }));
    await page.goto('/');
    await page.getByText('The console cannot start').waitFor();
    wrong.push(...(await look(page, mode, 'broken')));
    await page.unroute('**/config.json');
    await page.goto('/');
    await button(page, 'Sign in').click();
    await button(page, /alice/i).waitFor();
    wrong.push(...(await look(page, mode, 'the local sign-in')));
    expect(wrong).toEqual([]);
    expectSilence(visit, refusals);
    await context.close();
  });

  test('what administrators see', { timeout: 300_000 }, async () => {
    const wrong: string[] = [];
    const bob = await world.as('bob');
    const made = await bob('POST', '/tokens', { name: `seen, ${mode}`, scopes: ['notes:read', 'notes:write'] });
    await fetch(`${world.origin}/notes`, { headers: { Authorization: `Bearer ${made.body.token}` } });
    const visit = await world.visit(looks[mode]);
    const { page, context } = visit;
    await visit.signIn('root', '/admin/policy');
    await page.getByRole('heading', { name: 'Policy' }).first().waitFor();
    await page.getByRole('button', { name: 'Save' }).waitFor();
    wrong.push(...(await look(page, mode, 'admin, policy')));
    const root = await world.as('root');
    const { body: policy } = await root('GET', '/admin/policy');
    await root('PUT', '/admin/policy', { ...policy, max_tokens_per_person: 60 });
    await page.getByRole('checkbox', { name: 'Maximum lifetime' }).check();
    await button(page, 'Save').click();
    await page.getByText(/somebody changed the policy meanwhile/).waitFor();
    wrong.push(...(await look(page, mode, 'admin, policy changed meanwhile')));
    await root('PUT', '/admin/policy', policy);
    page.once('dialog', (question) => question.accept()); // what is not saved is lost
    await page.goto('/admin/tokens');
    await page.getByText(`seen, ${mode}`).first().waitFor();
    wrong.push(...(await look(page, mode, 'admin, tokens')));
    await page.goto('/admin/people?sub=bob');
    await button(page, /^Disable/)
      .first()
      .waitFor();
    wrong.push(...(await look(page, mode, 'admin, people')));
    await button(page, /^Disable/)
      .first()
      .click();
    await page.getByRole('dialog').waitFor();
    wrong.push(...(await look(page, mode, 'admin, disabling')));
    await page.goto('/admin/trail');
    await page.getByRole('link', { name: made.body.id }).first().waitFor();
    wrong.push(...(await look(page, mode, 'admin, trail')));
    const undo = await serveTrail(page);
    await page.reload();
    await button(page, 'Show each of 5 refusals').click();
    await button(page, 'Show the refusals as one').waitFor();
    wrong.push(...(await look(page, mode, 'admin, trail full of refusals')));
    await undo();
    expect(wrong).toEqual([]);
    expectSilence(visit, refusals);
    await context.close();
  });

  test('a value is shown', async () => {
    const wrong: string[] = [];
    const visit = await world.visit(looks[mode]);
    const { page, context } = visit;
    const bob = await world.as('bob');
    for (const { id } of (await bob('GET', '/tokens')).body.tokens) await bob('DELETE', `/tokens/${id}`);
    await visit.signIn('bob', '/tokens/new?name=nightly+build&scopes=notes:read');
    await button(page, 'Create token').click();
    await page.getByText('Copy the value now').waitFor();
    wrong.push(...(await look(page, mode, 'shown once')));
    await button(page, 'Done').click();
    await page.getByRole('dialog').waitFor();
    wrong.push(...(await look(page, mode, 'shown once, not copied')));
    await button(page, 'Back to the value').click();
    await button(page, 'Copy: Token value').click();
    await page.getByText('Copied', { exact: true }).first().waitFor();
    wrong.push(...(await look(page, mode, 'shown once, copied')));
    await page.getByRole('link', { name: 'Configuration' }).first().click();
    await page.getByRole('dialog', { name: 'Leave this page?' }).waitFor();
    wrong.push(...(await look(page, mode, 'leaving')));
    expect(wrong).toEqual([]);
    expectSilence(visit, refusals);
    await context.close();
  });
});
