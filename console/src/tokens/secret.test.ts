import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from './secret';

const VALUE = 'cfoil_4gT2a0001Bnot-a-real-value';
const secret = new Secret(VALUE);

test('gives its value to whoever asks for it by name', () => {
  expect(secret.reveal()).toBe(VALUE);
});

test.each<[string, () => unknown]>([
  ['String', () => String(secret)],
  ['a template', () => `the value is ${secret}`],
  ['adding to a string', () => `${''}${secret as unknown as string}`],
  ['join', () => [secret, secret].join()],
  ['JSON', () => JSON.stringify({ token: secret })],
  ['a console', () => inspect({ deep: { secret } }, { showHidden: true, depth: 9, getters: true })],
  ['its properties', () => JSON.stringify([Object.entries(secret), Reflect.ownKeys(secret), { ...secret }])],
  ['a copy by the structured clone', () => inspect(structuredClone({ secret }))],
  ['an Error that names it', () => inspect(new Error(`failed: ${secret}`, { cause: secret }))],
])('does not show it to %s', (_, print) => {
  expect(inspect(print())).not.toContain(VALUE.slice(6));
});

test('is printed as what it is', () => {
  expect(String(secret)).toBe('[secret]');
  expect(JSON.stringify([secret])).toBe('["[secret]"]');
});
