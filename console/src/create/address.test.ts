import { describe, expect, test } from 'vitest';
import { SCOPES, token } from '../testing/sample';
import { mistakesIn, prefillOf } from '../tokens/draft';
import { NO_POLICY } from '../tokens/expiry';
import { duplicateOf, nextName } from './address';

describe('the name of a duplicate', () => {
  test.each([
    ['build', 'build 2'],
    ['build 2', 'build 3'],
    ['build 9', 'build 10'],
    ['build 999', 'build 1000'],
    ['build 1000', 'build 1000 2'],
    ['build2', 'build2 2'],
    ['2', '2 2'],
    ['my build 2 go', 'my build 2 go 2'],
    ['x'.repeat(80), `${'x'.repeat(78)} 2`],
    [`${'x'.repeat(78)} 9`, `${'x'.repeat(77)} 10`],
    ['🦊'.repeat(80), `${'🦊'.repeat(78)} 2`],
  ])('of %s is %s', (name, next) => {
    expect(nextName(name)).toBe(next);
    expect([...next].length).toBeLessThanOrEqual(80);
  });
});

describe('the address of a duplicate', () => {
  const prefilled = (address: string) => {
    const url = new URL(address, 'http://127.0.0.1');
    expect(url.pathname).toBe('/tokens/new');
    return prefillOf(url.searchParams, SCOPES, NO_POLICY).draft;
  };

  test('fills in the form like the token, under another name', () => {
    const original = token({
      name: 'a & b = c #1',
      description: 'kept in\nthe vault? 100%',
      scopes: ['notes:read', 'profile'],
      allowed_cidrs: ['192.0.2.0/24', '2001:db8::/32'],
    });
    expect(prefilled(duplicateOf(original))).toEqual({
      name: 'a & b = c #1 2',
      description: original.description,
      scopes: original.scopes,
      networks: '192.0.2.0/24 2001:db8::/32',
    });
  });

  test('holds 16 networks, however long', () => {
    const allowed_cidrs = Array.from(
      { length: 16 },
      (_, i) => `2001:db8:aaaa:bbbb:cccc:dddd:eeee:fff${i.toString(16)}/128`,
    );
    const draft = prefilled(duplicateOf(token({ allowed_cidrs })));
    expect(draft.networks?.split(' ')).toEqual(allowed_cidrs);
  });

  test('fills in a form that nothing is wrong with', () => {
    const draft = prefilled(duplicateOf(token({ name: 'x'.repeat(80), description: 'y'.repeat(500) })));
    const whole = { name: '', description: '', scopes: [], expiry: { kind: 'never' as const }, networks: '', ...draft };
    expect(mistakesIn(whole, NO_POLICY, Date.now())).toEqual({});
  });

  test('says nothing of the token that it is not asked to', () => {
    const original = token({ name: 'ci', id: '4gT2aQQQQQ', hint: 'cfoil_4gT2aQQQQQ…', owner: 'alice' });
    expect(duplicateOf(original)).toBe('/tokens/new?name=ci+2&scopes=notes%3Aread');
  });
});
