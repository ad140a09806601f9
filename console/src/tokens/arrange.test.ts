import { describe, expect, test } from 'vitest';
import type { Token } from '../api/client';
import { day, NOW, token } from '../testing/sample';
import { arrange, INITIAL, PAGE_SIZE, type Query, readQuery, SORTS, type Sort, VIEWS, writeQuery } from './arrange';

const names = (tokens: Token[], query: Partial<Query>) =>
  arrange(tokens, { ...INITIAL, ...query }, NOW).rows.map((t) => t.name);

describe('the views', () => {
  const one = {
    fresh: token({ name: 'fresh' }),
    soon: token({ name: 'soon', expires_at: day(14) }),
    later: token({ name: 'later', expires_at: day(15) }),
    idle: token({ name: 'idle', created_at: day(-200), last_used_at: day(-91) }),
    idleAndSoon: token({ name: 'idle and soon', created_at: day(-200), expires_at: day(1) }),
    over: token({ name: 'over', expires_at: day(0) }),
    expired: token({ name: 'expired', status: 'expired', expires_at: day(-3) }),
    revoked: token({ name: 'revoked', status: 'revoked', revoked_at: day(-3) }),
    stopped: token({ name: 'stopped', status: 'disabled', created_at: day(-200) }),
  };
  const all = Object.values(one);

  test.each([
    ['active', ['fresh', 'soon', 'later', 'idle', 'idle and soon']],
    ['expiring', ['soon', 'idle and soon']],
    ['unused', ['idle', 'idle and soon']],
    ['disabled', ['stopped']],
    ['expired', ['over', 'expired']],
    ['revoked', ['revoked']],
    ['all', all.map((t) => t.name)],
  ] as const)('%s shows its own and counts them', (view, expected) => {
    expect(names(all, { view }).toSorted()).toEqual(expected.toSorted());
    expect(arrange(all, { ...INITIAL, view: 'all' }, NOW).counts[view]).toBe(expected.length);
  });

  test('are each covered above', () => {
    expect(VIEWS).toEqual(['active', 'expiring', 'unused', 'disabled', 'expired', 'revoked', 'all']);
  });

  test('count the same whatever is searched for or shown', () => {
    const { counts, matches } = arrange(all, { ...INITIAL, view: 'revoked', search: 'no such thing' }, NOW);
    expect(counts).toEqual(arrange(all, INITIAL, NOW).counts);
    expect(matches).toBe(0);
  });

  test('of no tokens are all zero, on one page', () => {
    const none = arrange([], INITIAL, NOW);
    expect(none).toEqual({
      rows: [],
      matches: 0,
      pages: 1,
      page: 1,
      counts: { active: 0, expiring: 0, unused: 0, disabled: 0, expired: 0, revoked: 0, all: 0 },
    });
  });
});

describe('the search', () => {
  const tokens = [
    token({ name: 'CI of Notes', description: 'GitHub secret', scopes: ['notes:read'] }),
    token({ name: 'laptop', description: '', scopes: ['profile', 'notes:write'], id: '4gT2aZZZZZ' }),
  ];

  test.each([
    ['ci', ['CI of Notes']],
    ['SECRET', ['CI of Notes']],
    ['notes', ['CI of Notes', 'laptop']],
    ['notes:w', ['laptop']],
    ['cfoil_4gT2aZZZZZ', ['laptop']],
    ['  secret   ci ', ['CI of Notes']],
    ['ci laptop', []],
    ['.*', []],
    ['   ', ['CI of Notes', 'laptop']],
  ])('for %o finds %o', (search, expected) => {
    expect(names(tokens, { search, sort: 'name', descending: false })).toEqual(expected);
  });

  test('does not match across two fields', () => {
    // "laptop" ends, "profile" begins: no token is called "laptopprofile".
    expect(names(tokens, { search: 'laptopcfoil' })).toEqual([]);
  });

  test('looks only into the chosen view', () => {
    expect(names(tokens, { search: 'ci', view: 'revoked' })).toEqual([]);
  });
});

describe('the order', () => {
  const tokens = [
    token({ name: 'build 10', created_at: day(-1), expires_at: day(30), last_used_at: day(-2) }),
    token({ name: 'Build 2', created_at: day(-2), expires_at: null, last_used_at: null }),
    token({ name: 'àncora', created_at: day(-3), expires_at: day(5), last_used_at: day(-9) }),
    token({ name: 'zebra', created_at: day(-4), status: 'revoked', expires_at: day(60), last_used_at: day(-1) }),
    token({ name: 'mole', created_at: day(-5), status: 'disabled', expires_at: null, last_used_at: null }),
    token({ name: 'fox', created_at: day(-6), status: 'expired', expires_at: day(-1), last_used_at: day(-5) }),
  ];
  const up: Record<Sort, string[]> = {
    name: ['àncora', 'Build 2', 'build 10', 'fox', 'mole', 'zebra'],
    status: ['àncora', 'build 10', 'Build 2', 'mole', 'fox', 'zebra'],
    created: ['fox', 'mole', 'zebra', 'àncora', 'Build 2', 'build 10'],
    expires: ['fox', 'àncora', 'build 10', 'zebra', 'Build 2', 'mole'],
    used: ['Build 2', 'mole', 'àncora', 'fox', 'build 10', 'zebra'],
  };
  const down: Record<Sort, string[]> = {
    name: up.name.toReversed(),
    status: ['zebra', 'fox', 'mole', 'build 10', 'Build 2', 'àncora'],
    created: up.created.toReversed(),
    expires: ['Build 2', 'mole', 'zebra', 'build 10', 'àncora', 'fox'],
    used: ['zebra', 'build 10', 'fox', 'àncora', 'Build 2', 'mole'],
  };

  test.each(SORTS)('by %s, upwards and downwards; equal ones stay newest first', (sort) => {
    expect(names(tokens, { view: 'all', sort, descending: false })).toEqual(up[sort]);
    expect(names(tokens, { view: 'all', sort, descending: true })).toEqual(down[sort]);
  });

  test('puts never expires after every end, and never used before every use', () => {
    expect(names(tokens, { sort: 'expires', descending: false }).at(-1)).toBe('Build 2');
    expect(names(tokens, { sort: 'expires', descending: true })[0]).toBe('Build 2');
    expect(names(tokens, { sort: 'used', descending: false })[0]).toBe('Build 2');
    expect(names(tokens, { sort: 'used', descending: true }).at(-1)).toBe('Build 2');
  });

  test('leaves the list that it was given as it is', () => {
    const before = [...tokens];
    arrange(tokens, { ...INITIAL, view: 'all', sort: 'name' }, NOW);
    expect(tokens).toEqual(before);
  });
});

describe('the pages', () => {
  const many = Array.from({ length: 2 * PAGE_SIZE + 1 }, (_, i) => token({ name: `n${i}`, created_at: day(-i) }));
  const page = (p: number, of = many) => arrange(of, { ...INITIAL, page: p }, NOW);

  test('hold 20 rows each, the last one what is left', () => {
    expect([page(1), page(2), page(3)].map((a) => a.rows.length)).toEqual([20, 20, 1]);
    expect(page(2).rows[0]?.name).toBe('n20');
    expect(page(1)).toMatchObject({ pages: 3, page: 1, matches: 41 });
  });

  test('full to the last row need no page more', () => {
    expect(page(1, many.slice(0, 40)).pages).toBe(2);
    expect(page(1, many.slice(0, 20)).pages).toBe(1);
  });

  test('one behind the last is the last', () => {
    expect(page(99)).toMatchObject({ page: 3, pages: 3 });
    expect(page(99).rows).toHaveLength(1);
  });
});

describe('the address', () => {
  const roundTrip = (query: Query) => readQuery(new URLSearchParams(writeQuery(query).toString()));

  test('says nothing of what is the default', () => {
    expect(writeQuery(INITIAL).toString()).toBe('');
    expect(readQuery(new URLSearchParams())).toEqual(INITIAL);
  });

  test('brings back every query', () => {
    let tried = 0;
    for (const view of VIEWS) {
      for (const sort of SORTS) {
        for (const descending of [true, false]) {
          for (const search of ['', 'a&b=c #1 ünï 100%+']) {
            for (const page of [1, 7]) {
              const query = { view, sort, descending, search, page };
              expect(roundTrip(query)).toEqual(query);
              tried++;
            }
          }
        }
      }
    }
    expect(tried).toBe(7 * 5 * 2 * 2 * 2);
  });

  test.each(['view=everything', 'view=', 'view=ACTIVE', 'sort=owner', 'sort=__proto__', 'order=', 'foo=bar'])(
    'with the junk %s is read as the default',
    (junk) => {
      expect(readQuery(new URLSearchParams(junk))).toEqual({ ...INITIAL, descending: junk !== 'order=' });
    },
  );

  test.each(['0', '-1', '1.5', 'NaN', 'Infinity', '1e400', 'two', '', '9007199254740993'])(
    'page=%s is page 1',
    (page) => {
      expect(readQuery(new URLSearchParams({ page })).page).toBe(1);
    },
  );

  test('keeps a search within bounds', () => {
    expect(readQuery(new URLSearchParams({ q: 'x'.repeat(5000) })).search).toHaveLength(100);
  });

  test('a sort of another kind begins upwards, the newest first downwards', () => {
    expect(readQuery(new URLSearchParams('sort=name')).descending).toBe(false);
    expect(readQuery(new URLSearchParams('sort=created')).descending).toBe(true);
  });
});
