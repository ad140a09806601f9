import { expect, test } from 'vitest';
import { problem } from '../testing/server';
import { asFailure, Failure, type FailureCode, failureOf } from './failure';

test('a problem document is read as what it says', async () => {
  const response = problem(409, 'name_taken', { detail: 'there is a token of that name' });
  expect(failureOf(response, await response.json())).toMatchObject({
    code: 'name_taken',
    detail: 'there is a token of that name',
    fields: [],
    requestId: 'request-1',
  });
});

test.each([undefined, null, '', 'text', 5, [], {}, { error: 'invalid_request' }, { code: null }])(
  'a refusal of %o is unexpected',
  (body) => {
    expect(failureOf(new Response(null, { status: 500 }), body)).toMatchObject({ code: 'unexpected', requestId: '' });
  },
);

test.each<[FailureCode, boolean]>([
  ['unavailable', true],
  ['too_many_requests', true],
  ['no_answer', true],
  ['unexpected', false],
  ['internal', false],
  ['name_taken', false],
  ['forbidden', false],
  ['session_ended', false],
])('after %s the same call may succeed in a moment: %s', (code, passing) => {
  expect(new Failure(code).passing).toBe(passing);
});

test('whatever is thrown becomes a Failure', () => {
  const failure = new Failure('conflict');
  expect(asFailure(failure)).toBe(failure);
  for (const thrown of [new Error('x'), 'x', undefined, null]) expect(asFailure(thrown).code).toBe('unexpected');
});
