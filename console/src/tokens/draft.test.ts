import { describe, expect, test } from 'vitest';
import { NOW, SCOPES, scope } from '../testing/sample';
import {
  categoriesOf,
  type Draft,
  FIELDS,
  MAX_DESCRIPTION,
  MAX_NAME,
  MAX_SCOPES,
  mistakesIn,
  mistakesOf,
  networksOf,
  prefillOf,
  requestOf,
} from './draft';
import { NO_POLICY } from './expiry';

const draft = (part: Partial<Draft> = {}): Draft => ({
  name: 'ci',
  description: '',
  scopes: ['notes:read'],
  expiry: { kind: 'never' },
  networks: '',
  ...part,
});
const mistakes = (part: Partial<Draft>) => mistakesIn(draft(part), NO_POLICY, NOW);
const scopesNamed = (n: number) => Array.from({ length: n }, (_, i) => `s${i}`);

describe('what is wrong with a draft', () => {
  test('nothing with the least that makes a token', () => {
    expect(mistakes({})).toEqual({});
    expect(mistakes({ name: 'Ünï 🦊 (1)', networks: '0.0.0.0/0 192.0.2.64/26 192.0.2.1/32 2001:db8::/32' })).toEqual(
      {},
    );
  });

  test.each<[string, Partial<Draft>, object]>([
    ['no name', { name: '' }, { name: { text: 'mistake.name.empty' } }],
    ['a name of spaces', { name: ' \t ' }, { name: { text: 'mistake.name.empty' } }],
    ['81 characters', { name: 'x'.repeat(81) }, { name: { text: 'mistake.name.long' } }],
    ['81 characters of two UTF-16 units', { name: '🦊'.repeat(81) }, { name: { text: 'mistake.name.long' } }],
    ['a name with a zero-width space', { name: 'a\u200bb' }, { name: { text: 'mistake.name.invisible' } }],
    ['a name with a control character', { name: 'a\u0007b' }, { name: { text: 'mistake.name.invisible' } }],
    ['a name that turns about', { name: 'a\u202eb' }, { name: { text: 'mistake.name.invisible' } }],
    ['no network', { networks: 'office' }, { allowed_cidrs: { text: 'mistake.networks.form' } }],
    ['an address', { networks: '192.0.2.1' }, { allowed_cidrs: { text: 'mistake.networks.form' } }],
    ['a long length', { networks: '192.0.2.0/33' }, { allowed_cidrs: { text: 'mistake.networks.form' } }],
    ['an octet too large', { networks: '192.0.256.0/24' }, { allowed_cidrs: { text: 'mistake.networks.form' } }],
    [
      'host bits',
      { networks: '192.0.2.0/24 10.0.0.1/8 x' },
      {
        allowed_cidrs: {
          text: 'mistake.networks.hostBits',
          values: { cidr: '10.0.0.1/8', network: '10.0.0.0/8' },
        },
      },
    ],
    [
      'a network twice, in two ways',
      { networks: '2001:db8::/32 2001:DB8:0::/32' },
      { allowed_cidrs: { text: 'mistake.networks.twice', values: { cidr: '2001:DB8:0::/32' } } },
    ],
    ['a description of 501', { description: 'x'.repeat(501) }, { description: { text: 'mistake.description.long' } }],
    ['no day', { expiry: { kind: 'date', date: '' } }, { expires_at: { text: 'mistake.expiry.date' } }],
    ['a bad day', { expiry: { kind: 'date', date: '2027-02-30' } }, { expires_at: { text: 'mistake.expiry.date' } }],
    ['yesterday', { expiry: { kind: 'date', date: '2026-11-23' } }, { expires_at: { text: 'mistake.expiry.past' } }],
    ['no permission', { scopes: [] }, { scopes: { text: 'mistake.scopes.none' } }],
    ['33 permissions', { scopes: scopesNamed(33) }, { scopes: { text: 'mistake.scopes.many' } }],
    ['17 networks', { networks: scopesNamed(17).join(' ') }, { allowed_cidrs: { text: 'mistake.networks.many' } }],
  ])('%s', (_, part, found) => {
    expect(mistakes(part)).toEqual(found);
  });

  test.each<[string, Partial<Draft>]>([
    ['80 characters', { name: 'x'.repeat(MAX_NAME) }],
    ['80 characters of two UTF-16 units', { name: '🦊'.repeat(MAX_NAME) }],
    ['80 characters between spaces', { name: `  ${'x'.repeat(MAX_NAME)}  ` }],
    ['a description of 500, of two units each', { description: '🦊'.repeat(MAX_DESCRIPTION) }],
    ['today', { expiry: { kind: 'date', date: '2026-11-24' } }],
    ['32 permissions', { scopes: scopesNamed(MAX_SCOPES) }],
    ['16 networks', { networks: Array.from({ length: 16 }, (_, i) => `10.${i}.0.0/16`).join('\n') }],
  ])('nothing with %s', (_, part) => {
    expect(mistakes(part)).toEqual({});
  });

  test('everything at once', () => {
    const found = mistakes({
      name: '',
      description: 'x'.repeat(501),
      expiry: { kind: 'date', date: '' },
      scopes: [],
      networks: scopesNamed(17).join(' '),
    });
    expect(Object.keys(found).toSorted()).toEqual([...FIELDS].toSorted());
  });

  test('a day that is over within a minute is over', () => {
    const lastMinute = Date.parse('2026-11-24T22:59:30Z'); // 23:59:30 in Rome
    const today = draft({ expiry: { kind: 'date', date: '2026-11-24' } });
    expect(mistakesIn(today, NO_POLICY, lastMinute)).toEqual({ expires_at: { text: 'mistake.expiry.past' } });
    expect(mistakesIn(today, NO_POLICY, lastMinute - 60_000)).toEqual({});
  });
});

describe('the request', () => {
  test('says everything, an end of none as null', () => {
    expect(requestOf(draft({ name: ' ci ', networks: '' }), NO_POLICY, NOW)).toEqual({
      name: 'ci',
      description: '',
      scopes: ['notes:read'],
      expires_at: null,
      allowed_cidrs: [],
    });
  });

  test('says an end in UTC', () => {
    expect(requestOf(draft({ expiry: { kind: 'days', days: 7 } }), NO_POLICY, NOW).expires_at).toBe(
      '2026-12-01T11:00:00Z',
    );
  });

  test('leaves the description as it was typed', () => {
    expect(requestOf(draft({ description: ' two\nlines ' }), NO_POLICY, NOW).description).toBe(' two\nlines ');
  });
});

test.each([
  ['', []],
  [' \n ', []],
  ['192.0.2.0/24', ['192.0.2.0/24']],
  ['192.0.2.0/24\n2001:db8::/32', ['192.0.2.0/24', '2001:db8::/32']],
  ['192.0.2.0/24,2001:db8::/32; 10.0.0.0/8\t', ['192.0.2.0/24', '2001:db8::/32', '10.0.0.0/8']],
])('the networks in %o are %o', (typed, networks) => {
  expect(networksOf(typed)).toEqual(networks);
});

describe("the server's errors", () => {
  test('go to their fields, in its words', () => {
    const { mistakes: found, rest } = mistakesOf([
      { field: 'expires_at', message: 'at the latest 2027-01-01' },
      { field: 'allowed_cidrs', message: 'host bits are set' },
    ]);
    expect(found).toEqual({
      expires_at: { words: 'at the latest 2027-01-01' },
      allowed_cidrs: { words: 'host bits are set' },
    });
    expect(rest).toEqual([]);
  });

  test('of one field stand together', () => {
    const { mistakes: found } = mistakesOf([
      { field: 'scopes', message: 'one' },
      { field: 'scopes', message: 'two' },
    ]);
    expect(found).toEqual({ scopes: { words: 'one; two' } });
  });

  test('of no field of the form are left over, and said', () => {
    expect(mistakesOf([{ field: 'body', message: 'is not JSON' }])).toEqual({
      mistakes: {},
      rest: ['body: is not JSON'],
    });
    expect(mistakesOf([{ field: '__proto__', message: 'no' }])).toEqual({ mistakes: {}, rest: ['__proto__: no'] });
    expect(mistakesOf([])).toEqual({ mistakes: {}, rest: [] });
  });
});

describe('the categories', () => {
  test('hold what may be granted, in the order of the catalogue', () => {
    const groups = categoriesOf([
      scope('b', { category: 'B' }),
      scope('a', { category: 'A' }),
      scope('b2', { category: 'B' }),
      scope('hidden', { category: 'B', grantable: false }),
    ]);
    expect(groups.map((g) => [g.name, g.scopes.map((s) => s.name)])).toEqual([
      ['B', ['b', 'b2']],
      ['A', ['a']],
    ]);
  });

  test('of which nothing may be granted are not there', () => {
    expect(categoriesOf(SCOPES).map((c) => c.name)).toEqual(['Account', 'Notes', 'Cloud']);
    expect(categoriesOf([])).toEqual([]);
  });
});

describe('an address that fills in the form', () => {
  const prefill = (params: string | Record<string, string>, policy = NO_POLICY) =>
    prefillOf(new URLSearchParams(params), SCOPES, policy);

  test('chooses name and permissions', () => {
    expect(prefill('name=ci&scopes=notes:read')).toEqual({
      draft: { name: 'ci', scopes: ['notes:read'] },
      refused: [],
    });
    expect(prefill('scopes=notes:read+profile,notes:read').draft.scopes).toEqual(['notes:read', 'profile']);
  });

  test('without anything fills in nothing', () => {
    expect(prefill('')).toEqual({ draft: { scopes: [] }, refused: [] });
  });

  test('never chooses what may not be granted or does not exist, and says so', () => {
    const { draft: filled, refused } = prefill('scopes=introspect,notes:read,admin,*,introspect');
    expect(filled.scopes).toEqual(['notes:read']);
    expect(refused).toEqual(['introspect', 'admin', '*']);
  });

  test.each<[string, object | undefined]>([
    ['never', { kind: 'never' }],
    ['7', { kind: 'days', days: 7 }],
    ['3650', { kind: 'days', days: 3650 }],
    ['0', undefined],
    ['-7', undefined],
    ['07', undefined],
    ['1e3', undefined],
    ['36500', undefined],
    ['', undefined],
  ])('with days=%s chooses %o', (days, expiry) => {
    expect(prefill({ days }).draft.expiry).toEqual(expiry);
  });

  test('never chooses an end that the policy does not allow', () => {
    const thirty = { ...NO_POLICY, max_lifetime_days: 30 };
    expect(prefill('days=30', thirty).draft.expiry).toEqual({ kind: 'days', days: 30 });
    expect(prefill('days=31', thirty).draft.expiry).toBeUndefined();
    expect(prefill('days=never', thirty).draft.expiry).toBeUndefined();
    expect(prefill('days=never', { ...NO_POLICY, require_expiry: true }).draft.expiry).toBeUndefined();
  });

  test('never fills in more than the form could hold', () => {
    const { draft: filled, refused } = prefill({
      name: '🦊'.repeat(200),
      description: '🦊'.repeat(2000),
      networks: '1'.repeat(9000),
      scopes: scopesNamed(50)
        .map((s) => s.padEnd(90, 'x'))
        .join(' '),
    });
    expect([...(filled.name ?? '')]).toHaveLength(MAX_NAME);
    expect([...(filled.description ?? '')]).toHaveLength(MAX_DESCRIPTION);
    expect(filled.networks).toHaveLength(800);
    expect(refused).toHaveLength(10);
    expect(refused.every((s) => s.length === 40)).toBe(true);
    expect(Object.keys(mistakesIn(draft(filled), NO_POLICY, NOW))).toEqual(['scopes', 'allowed_cidrs']);
  });
});
