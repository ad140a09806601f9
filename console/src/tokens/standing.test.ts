import { describe, expect, test } from 'vitest';
import { day, NOW, token } from '../testing/sample';
import { endsByPolicy, isAlive, isUnused, standingOf } from './standing';

const ms = 1;

describe('how a token stands', () => {
  test('a token without an end is active', () => {
    expect(standingOf(token({ expires_at: null }), NOW)).toEqual({ kind: 'active' });
  });

  test.each([
    ['14 days and a moment before its end it is active', day(14, ms), { kind: 'active' }],
    ['14 days before its end it expires in 14 days', day(14), { kind: 'expiring', days: 14 }],
    ['a moment less is 13 whole days', day(14, -ms), { kind: 'expiring', days: 13 }],
    ['a day before its end it expires in 1 day', day(1), { kind: 'expiring', days: 1 }],
    ['within its last day it expires today', day(1, -ms), { kind: 'expiring', days: 0 }],
    ['a moment before its end it still works', day(0, ms), { kind: 'expiring', days: 0 }],
    ['at its end it is expired, although the list is older and says active', day(0), { kind: 'expired' }],
    ['after its end it is expired', day(-100), { kind: 'expired' }],
  ])('%s', (_, end, standing) => {
    expect(standingOf(token({ expires_at: end }), NOW)).toEqual(standing);
  });

  test('the effective end counts, not the own one', () => {
    expect(standingOf(token({ expires_at: day(300), effective_expires_at: day(3) }), NOW)).toEqual({
      kind: 'expiring',
      days: 3,
    });
    expect(standingOf(token({ expires_at: null, effective_expires_at: day(0) }), NOW)).toEqual({ kind: 'expired' });
  });

  test.each(['revoked', 'expired', 'disabled'] as const)(
    'what the server calls %s is that, whatever its end',
    (status) => {
      for (const end of [null, day(5), day(300), day(-1)]) {
        expect(standingOf(token({ status, expires_at: end }), NOW)).toEqual({ kind: status });
      }
    },
  );
});

describe('a token unused for 90 days', () => {
  test('is one whose last use is more than 90 days ago', () => {
    expect(isUnused(token({ created_at: day(-300), last_used_at: day(-90) }), NOW)).toBe(false);
    expect(isUnused(token({ created_at: day(-300), last_used_at: day(-90, -ms) }), NOW)).toBe(true);
  });

  test('counts from its beginning if it was never used', () => {
    expect(isUnused(token({ created_at: day(-90) }), NOW)).toBe(false);
    expect(isUnused(token({ created_at: day(-90, -ms) }), NOW)).toBe(true);
  });

  test('is one that works: expiring counts, dead and stopped ones do not', () => {
    const old = { created_at: day(-300) };
    expect(isUnused(token({ ...old, expires_at: day(2) }), NOW)).toBe(true);
    expect(isUnused(token({ ...old, expires_at: day(0) }), NOW)).toBe(false);
    for (const status of ['revoked', 'expired', 'disabled'] as const) {
      expect(isUnused(token({ ...old, status }), NOW)).toBe(false);
    }
  });
});

test('the policy ends a token where its effective end is not its own', () => {
  expect(endsByPolicy(token({ expires_at: day(9), effective_expires_at: day(9) }))).toBe(false);
  expect(endsByPolicy(token({ expires_at: null, effective_expires_at: null }))).toBe(false);
  expect(endsByPolicy(token({ expires_at: day(9), effective_expires_at: day(8) }))).toBe(true);
  expect(endsByPolicy(token({ expires_at: null, effective_expires_at: day(8) }))).toBe(true);
});

test('a token can be changed until it is revoked or expired; a stopped one can', () => {
  expect(isAlive(token(), NOW)).toBe(true);
  expect(isAlive(token({ expires_at: day(1) }), NOW)).toBe(true);
  expect(isAlive(token({ status: 'disabled' }), NOW)).toBe(true);
  expect(isAlive(token({ expires_at: day(0) }), NOW)).toBe(false);
  expect(isAlive(token({ status: 'expired' }), NOW)).toBe(false);
  expect(isAlive(token({ status: 'revoked' }), NOW)).toBe(false);
});
