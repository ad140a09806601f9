import { afterEach, describe, expect, test } from 'vitest';
import { NOW } from '../testing/sample';
import {
  endOf,
  initialExpiry,
  latestEnd,
  lifetimes,
  mayNeverEnd,
  NO_POLICY,
  type Policy,
  PRESETS,
  rfc3339,
} from './expiry';
import { DAY } from './standing';

const policy = (part: Partial<Policy>): Policy => ({ ...NO_POLICY, ...part });
const ROME = 'Europe/Rome';
const SECOND = 1000;
const MINUTE = 60 * SECOND;

afterEach(() => {
  process.env.TZ = ROME;
});

describe('what is chosen before the person has chosen', () => {
  test.each([
    ['nothing said: no end', {}, { kind: 'never' }],
    ['the default', { default_lifetime_days: 45 }, { kind: 'days', days: 45 }],
    [
      'the default before the maximum',
      { default_lifetime_days: 45, max_lifetime_days: 90 },
      { kind: 'days', days: 45 },
    ],
    ['the maximum where there is no default', { max_lifetime_days: 90 }, { kind: 'days', days: 90 }],
    ['30 days where an end is wanted and none named', { require_expiry: true }, { kind: 'days', days: 30 }],
    [
      'the default where an end is wanted',
      { require_expiry: true, default_lifetime_days: 5 },
      { kind: 'days', days: 5 },
    ],
  ] as const)('%s', (_, part, expected) => {
    expect(initialExpiry(policy(part))).toEqual(expected);
  });

  test('is always one of the choices', () => {
    for (const max of [null, 1, 30, 31, 3650]) {
      for (const preset of [null, 1, 30]) {
        for (const require_expiry of [true, false]) {
          if (max !== null && preset !== null && preset > max) continue;
          const p: Policy = { max_lifetime_days: max, default_lifetime_days: preset, require_expiry };
          const first = initialExpiry(p);
          if (first.kind === 'never') expect(mayNeverEnd(p)).toBe(true);
          else expect(lifetimes(p)).toContain(first.kind === 'days' && first.days);
        }
      }
    }
  });
});

describe('the choices', () => {
  test('without a policy are the usual ones, and none', () => {
    expect(lifetimes(NO_POLICY)).toEqual([...PRESETS]);
    expect(mayNeverEnd(NO_POLICY)).toBe(true);
  });

  test('end at the maximum, which is one of them', () => {
    expect(lifetimes(policy({ max_lifetime_days: 45 }))).toEqual([7, 30, 45]);
    expect(lifetimes(policy({ max_lifetime_days: 3 }))).toEqual([3]);
  });

  test('hold the default, once and in its place', () => {
    expect(lifetimes(policy({ default_lifetime_days: 14 }))).toEqual([7, 14, 30, 90, 365]);
    expect(lifetimes(policy({ default_lifetime_days: 30, max_lifetime_days: 30 }))).toEqual([7, 30]);
  });

  test('hold what is chosen, wherever it comes from', () => {
    expect(lifetimes(NO_POLICY, { kind: 'days', days: 45 })).toEqual([7, 30, 45, 90, 365]);
    expect(lifetimes(NO_POLICY, { kind: 'days', days: 30 })).toEqual([...PRESETS]);
    expect(lifetimes(NO_POLICY, { kind: 'never' })).toEqual([...PRESETS]);
  });

  test('do not hold none where the policy wants an end or has a maximum', () => {
    expect(mayNeverEnd(policy({ require_expiry: true }))).toBe(false);
    expect(mayNeverEnd(policy({ max_lifetime_days: 3650 }))).toBe(false);
    expect(mayNeverEnd(policy({ default_lifetime_days: 30 }))).toBe(true);
  });
});

describe('when a token ends', () => {
  test('never is null', () => {
    expect(endOf({ kind: 'never' }, NO_POLICY, NOW)).toBeNull();
  });

  test('days are of 24 hours, also over the change to summer time', () => {
    const march = Date.parse('2027-03-27T11:00:00Z'); // the clocks change on the 28th
    expect(endOf({ kind: 'days', days: 7 }, NO_POLICY, march)).toBe(march + 7 * DAY);
  });

  test('a day ends at its last second where the person is', () => {
    const end = (date: string) => rfc3339(endOf({ kind: 'date', date }, NO_POLICY, NOW) ?? 0);
    expect(end('2026-12-24')).toBe('2026-12-24T22:59:59Z');
    expect(end('2027-07-01')).toBe('2027-07-01T21:59:59Z');
    // The day of 23 hours and the day of 25.
    expect(end('2027-03-28')).toBe('2027-03-28T21:59:59Z');
    expect(end('2027-10-31')).toBe('2027-10-31T22:59:59Z');
    process.env.TZ = 'America/New_York';
    expect(end('2026-12-24')).toBe('2026-12-25T04:59:59Z');
    process.env.TZ = 'Pacific/Kiritimati';
    expect(end('2026-12-24')).toBe('2026-12-24T09:59:59Z');
  });

  test.each([
    '',
    '2026',
    '2026-12',
    '24/12/2026',
    '2026-12-24T10:00',
    '2026-13-01',
    '2026-00-10',
    '2026-12-40',
    'tomorrow',
  ])('the date %o is none', (date) => {
    expect(endOf({ kind: 'date', date }, NO_POLICY, NOW)).toBeUndefined();
    expect(endOf({ kind: 'date', date }, policy({ max_lifetime_days: 30 }), NOW)).toBeUndefined();
  });

  test.each(['2027-02-29', '2027-02-30', '2027-04-31'])('a day that the month has not, %s, is none', (date) => {
    expect(endOf({ kind: 'date', date }, NO_POLICY, NOW)).toBeUndefined();
  });

  test('a leap day is a day', () => {
    expect(rfc3339(endOf({ kind: 'date', date: '2028-02-29' }, NO_POLICY, NOW) ?? 0)).toBe('2028-02-29T22:59:59Z');
  });
});

describe('under a maximum', () => {
  const thirty = policy({ max_lifetime_days: 30 });
  const latest = NOW + 30 * DAY; // noon of 24 December

  test('the latest end is counted from the creation', () => {
    expect(latestEnd(thirty, NOW)).toBe(latest);
    expect(latestEnd(NO_POLICY, NOW)).toBeNull();
  });

  test('a lifetime equal to it leaves a minute for clocks that differ', () => {
    expect(endOf({ kind: 'days', days: 30 }, thirty, NOW)).toBe(latest - MINUTE);
  });

  test('a shorter one is what it says', () => {
    expect(endOf({ kind: 'days', days: 29 }, thirty, NOW)).toBe(NOW + 29 * DAY);
  });

  test('its last day ends when it does, and leaves the minute too', () => {
    expect(endOf({ kind: 'date', date: '2026-12-24' }, thirty, NOW)).toBe(latest - MINUTE);
  });

  test('the day before ends at its own end', () => {
    expect(rfc3339(endOf({ kind: 'date', date: '2026-12-23' }, thirty, NOW) ?? 0)).toBe('2026-12-23T22:59:59Z');
  });

  test('a later choice is not bent: the server says what is wrong with it', () => {
    expect(endOf({ kind: 'days', days: 31 }, thirty, NOW)).toBe(NOW + 31 * DAY);
    expect(rfc3339(endOf({ kind: 'date', date: '2026-12-25' }, thirty, NOW) ?? 0)).toBe('2026-12-25T22:59:59Z');
  });

  test('never asks for none', () => {
    expect(endOf({ kind: 'never' }, thirty, NOW)).toBeNull();
  });
});

test('times go out in UTC and whole seconds', () => {
  expect(rfc3339(Date.parse('2026-11-24T12:00:00.999+01:00'))).toBe('2026-11-24T11:00:00Z');
});
