import { screen, waitFor } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import type { TokenPolicy } from '../api/client';
import { OPEN } from '../testing/sample';
import { FakeServer } from '../testing/server';
import { dialog, dialogs, show } from '../testing/show';
import { draftOf, groupsOf, mistakesIn, policyOf, refusedFields } from './draft';

const PUT = 'PUT /admin/policy';
const PREVIEW = 'POST /admin/policy/preview';

async function form(policy: Partial<TokenPolicy> = {}, around = {}) {
  const server = new FakeServer();
  server.me = { ...server.me, groups: ['admins'] };
  server.policy = { ...OPEN, ...policy };
  const shown = show('/admin/policy', { server, ...around });
  await screen.findByRole('button', { name: 'Preview' });
  const toggle = (name: string) => shown.person.click(screen.getByRole('checkbox', { name }));
  const box = (name: string) => screen.getByRole<HTMLInputElement>('textbox', { name });
  const type = async (name: string, text: string) => {
    await shown.person.clear(box(name));
    if (text !== '') await shown.person.type(box(name), text);
  };
  const press = (name: string) => shown.person.click(screen.getByRole('button', { name }));
  const sent = (route: string) => server.callsOf(route).map((c) => c.body);
  return { ...shown, toggle, box, type, press, sent };
}

describe('the draft', () => {
  const full: TokenPolicy = {
    max_lifetime_days: 90,
    default_lifetime_days: 30,
    require_expiry: true,
    max_tokens_per_person: 7,
    creator_groups: ['CI makers', 'a, b'],
    max_idle_days: 60,
    max_absence_days: 45,
    reauth_seconds: 900,
  };

  test.each([OPEN, full, { ...full, creator_groups: [] }])('gives back every policy as it was', (policy) => {
    expect(policyOf(draftOf(policy))).toEqual(policy);
    expect(mistakesIn(draftOf(policy))).toEqual({});
  });

  test('finds everything that is wrong at once', () => {
    const bad = (typed: string) => ({ on: true, typed });
    const found = mistakesIn({
      require_expiry: true,
      max_lifetime_days: bad('0'),
      default_lifetime_days: bad('3651'),
      max_idle_days: bad('1.5'),
      max_absence_days: bad('-1'),
      reauth_seconds: bad('59'),
      max_tokens_per_person: '501',
      creator_groups: bad('a\nb\na'),
    });
    expect(Object.keys(found).toSorted()).toEqual(
      Object.keys(OPEN)
        .filter((field) => field !== 'require_expiry')
        .toSorted(),
    );
  });

  test.each([
    ['max_lifetime_days', '1', '3650'],
    ['reauth_seconds', '60', '86400'],
  ] as const)('takes the bounds of %s and nothing beyond', (field, least, most) => {
    const judged = (typed: string) => field in mistakesIn({ ...draftOf(OPEN), [field]: { on: true, typed } });
    expect([least, most].map(judged)).toEqual([false, false]);
    expect([Number(least) - 1, Number(most) + 1, '', 'x'].map(String).map(judged)).toEqual([true, true, true, true]);
  });

  test('wants a default within the maximum, and judges nothing that is off', () => {
    const draft = draftOf({ ...OPEN, max_lifetime_days: 30, default_lifetime_days: 31 });
    expect(mistakesIn(draft)).toEqual({ default_lifetime_days: { text: 'policy.mistake.default' } });
    expect(mistakesIn({ ...draft, max_lifetime_days: { on: false, typed: 'x' } })).toEqual({});
  });

  test('counts groups, and characters as the server does', () => {
    const judged = (...groups: string[]) => mistakesIn(draftOf({ ...OPEN, creator_groups: groups })).creator_groups;
    expect(judged(...Array.from({ length: 32 }, (_, i) => `g${i}`))).toBeUndefined();
    expect(judged(...Array.from({ length: 33 }, (_, i) => `g${i}`))).toMatchObject({ text: 'policy.mistake.groups' });
    expect(judged('🙂'.repeat(256))).toBeUndefined();
    expect(judged('🙂'.repeat(257))).toMatchObject({ text: 'policy.mistake.group' });
    expect(groupsOf(' a, b \n\n c d\n')).toEqual(['a, b', 'c d']);
  });

  test('sorts a refusal to its fields', () => {
    const { mistakes, rest } = refusedFields([
      { field: 'reauth_seconds', message: 'one' },
      { field: 'reauth_seconds', message: 'two' },
      { field: 'other', message: 'three' },
    ]);
    expect(mistakes).toEqual({ reauth_seconds: { words: 'one; two' } });
    expect(rest).toEqual(['other: three']);
  });
});

describe('saving', () => {
  test('of what stops nothing needs no question', async () => {
    const { toggle, type, press, sent } = await form();
    await toggle('Maximum lifetime');
    await type('Maximum lifetime in days', '90');
    await toggle('Only some groups create tokens');
    await type('Groups that may create tokens, one a line', 'makers');
    await press('Save');
    await screen.findByText('The policy is saved.');
    const want = { ...OPEN, max_lifetime_days: 90, creator_groups: ['makers'] };
    expect(sent(PREVIEW)).toEqual([want]);
    expect(sent(PUT)).toEqual([want]);
    expect(dialogs()).toEqual([]);
  });

  test('of what stops something asks first, and may be left', async () => {
    const { server, toggle, press, sent, person, box } = await form();
    server.preview = { tokens: 3, people: 2, complete: true };
    await toggle('Stop unused tokens');
    await press('Save');
    let open = await dialog();
    expect(open.getByText('3 tokens of 2 people stop working.')).toBeTruthy();
    await person.click(open.getByRole('button', { name: 'Cancel' }));
    expect(dialogs()).toEqual([]);
    expect(sent(PUT)).toEqual([]);
    expect(box('Days without use').value).toBe('180');
    await press('Save');
    open = await dialog();
    await person.click(open.getByRole('button', { name: 'Save' }));
    await screen.findByText('The policy is saved.');
    expect(sent(PUT)).toEqual([{ ...OPEN, max_idle_days: 180 }]);
    expect(dialogs()).toEqual([]);
  });

  test.each([
    ['at once', { tokens: 0, people: 0, complete: true }],
    ['after a question', { tokens: 1, people: 1, complete: true }],
  ])('%s of a policy that somebody changed meanwhile saves nothing, and shows both changes', async (_, stops) => {
    const { server, toggle, press, sent, person, box } = await form();
    server.preview = stops;
    const save = async () => {
      await press('Save');
      if (stops.tokens > 0) await person.click((await dialog()).getByRole('button', { name: 'Save' }));
    };
    await toggle('Stop unused tokens');
    server.policy = { ...OPEN, max_lifetime_days: 30, max_tokens_per_person: 7 };
    await save();
    await screen.findByText(/somebody changed the policy meanwhile/);
    expect(dialogs()).toEqual([]);
    expect(sent(PUT)).toEqual([]);
    expect(box('Maximum lifetime in days').value).toBe('30');
    expect(box('Tokens per person').value).toBe('7');
    expect(box('Days without use').value).toBe('180');
    await save();
    await screen.findByText('The policy is saved.');
    expect(screen.queryByText(/somebody changed the policy meanwhile/)).toBeNull();
    expect(sent(PUT)).toEqual([{ ...OPEN, max_lifetime_days: 30, max_tokens_per_person: 7, max_idle_days: 180 }]);
  });

  test('of what could not be counted asks first, whatever was found', async () => {
    const { server, press, sent } = await form();
    server.preview = { tokens: 0, people: 0, complete: false };
    await press('Save');
    const open = await dialog();
    expect(open.getByText(/^At least 0 tokens of 0 people would stop\./)).toBeTruthy();
    expect(sent(PUT)).toEqual([]);
  });

  test('of mistakes asks nobody, and shows all of them', async () => {
    const { toggle, type, press, server, box } = await form();
    await toggle('Maximum lifetime');
    await type('Maximum lifetime in days', '0');
    await type('Tokens per person', '');
    await press('Save');
    expect(await screen.findByText('A whole number from 1 to 3,650.')).toBeTruthy();
    expect(screen.getByText('A whole number from 1 to 500.')).toBeTruthy();
    expect(server.callsOf(PREVIEW)).toEqual([]);
    await waitFor(() => expect(document.activeElement).toBe(box('Maximum lifetime in days')));
  });

  test('that the server refuses shows it at its field', async () => {
    const { toggle, press, server, box } = await form();
    server.refuse(PREVIEW, 400, 'invalid_request', {
      errors: [{ field: 'reauth_seconds', message: 'would refuse this session' }],
    });
    await toggle('Recent sign-in');
    await press('Save');
    expect(await screen.findByText('would refuse this session')).toBeTruthy();
    expect(screen.getByText('The policy was not saved')).toBeTruthy();
    expect(box('Seconds since the sign-in').value).toBe('3600');
    expect(server.callsOf(PUT)).toEqual([]);
  });

  test('that the server refuses at last leads back to the field', async () => {
    const { server, toggle, press, person } = await form();
    server.preview = { tokens: 1, people: 1, complete: true };
    server.refuse(PUT, 400, 'invalid_request', { errors: [{ field: 'max_idle_days', message: 'not so' }] });
    await toggle('Stop unused tokens');
    await press('Save');
    const open = await dialog();
    expect(open.getByText('1 token stops working.')).toBeTruthy();
    await person.click(open.getByRole('button', { name: 'Save' }));
    expect(await screen.findByText('not so')).toBeTruthy();
    expect(dialogs()).toEqual([]);
    expect(screen.queryByText('The policy is saved.')).toBeNull();
  });

  test.each([
    ['is lost', (server: FakeServer) => server.cutOff(PUT), 'No answer came. Check your connection and try again.'],
    ['is refused', (server: FakeServer) => server.refuse(PUT, 403, 'forbidden'), 'You may not do that.'],
  ])('that %s keeps what was typed, and can be tried again', async (_, fail, sentence) => {
    const { server, toggle, type, press, person } = await form();
    server.preview = { tokens: 1, people: 1, complete: true };
    fail(server);
    await toggle('Maximum lifetime');
    await type('Maximum lifetime in days', '30');
    await press('Save');
    const open = await dialog();
    await person.click(open.getByRole('button', { name: 'Save' }));
    expect(await open.findByText(sentence)).toBeTruthy();
    await person.click(open.getByRole('button', { name: 'Try again' }));
    await screen.findByText('The policy is saved.');
    expect(server.policy.max_lifetime_days).toBe(30);
  });

  test('goes on after the person has signed in again', async () => {
    const { server, press } = await form({}, { signInAgain: async () => {} });
    server.refuse(PREVIEW, 401, 'insufficient_user_authentication', { max_age: 60 });
    await press('Save');
    await screen.findByText('The policy is saved.');
    expect(server.callsOf(PREVIEW)).toHaveLength(2);
  });
});

describe('the preview', () => {
  test('saves nothing, and is gone when the policy is another', async () => {
    const { server, press, toggle } = await form();
    server.preview = { tokens: 1, people: 1, complete: true };
    await press('Preview');
    await screen.findByText('1 token stops working.');
    await toggle('Recent sign-in');
    expect(screen.queryByText('1 token stops working.')).toBeNull();
    server.preview = { tokens: 0, people: 0, complete: true };
    await press('Preview');
    await screen.findByText('No token stops working.');
    expect(server.callsOf(PUT)).toEqual([]);
  });

  test('that fails can be tried again', async () => {
    const { server, press } = await form();
    server.refuse(PREVIEW, 503, 'unavailable');
    await press('Preview');
    await screen.findByText('What it would stop cannot be told');
    await press('Try again');
    await screen.findByText('No token stops working.');
  });
});

describe('a policy that is not saved', () => {
  test('is not left without a question', async () => {
    const { toggle, go, address } = await form();
    await toggle('Recent sign-in');
    await go('/configuration');
    const open = await dialog();
    expect(open.getByText(/The policy has changes that are not saved/)).toBeTruthy();
    expect(address()).toBe('/admin/policy');
  });

  test('that was turned back is left at once', async () => {
    const { toggle, go, address } = await form();
    await toggle('Recent sign-in');
    await toggle('Recent sign-in');
    await go('/configuration');
    expect(address()).toBe('/configuration');
  });
});
