import type { components } from './schema';

type Problem = components['schemas']['Problem'];
export type FieldError = components['schemas']['FieldError'];

/** What went wrong, as far as a page can act on it. */
export type FailureCode =
  | NonNullable<Problem['code']>
  | 'insufficient_user_authentication'
  /** No answer at all: what was asked may or may not have been done. */
  | 'no_answer'
  /** The person did not sign in again when asked. */
  | 'session_ended'
  /** An answer that is none of ours. */
  | 'unexpected';

/** A Failure is an answer that is no success, or none. It holds nothing that was sent. */
export class Failure extends Error {
  readonly code: FailureCode;
  readonly detail: string;
  readonly fields: readonly FieldError[];
  /** By it an operator finds what became of the request. */
  readonly requestId: string;

  constructor(code: FailureCode, more: { detail?: string; fields?: readonly FieldError[]; requestId?: string } = {}) {
    super(code);
    this.name = 'Failure';
    this.code = code;
    this.detail = more.detail ?? '';
    this.fields = more.fields ?? [];
    this.requestId = more.requestId ?? '';
  }

  /** Reports whether the same call may succeed in a moment. */
  get passing(): boolean {
    return this.code === 'unavailable' || this.code === 'too_many_requests' || this.code === 'no_answer';
  }
}

/** Reads a refusal: a problem document (RFC 9457), or what is left of one. */
export function failureOf(response: Response, body: unknown): Failure {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>;
  const requestId = response.headers.get('X-Request-Id') ?? '';
  if (typeof problem.code !== 'string') return new Failure('unexpected', { requestId });
  return new Failure(problem.code as FailureCode, { detail: problem.detail, fields: problem.errors, requestId });
}

/** Turns whatever was thrown into a Failure. */
export function asFailure(thrown: unknown): Failure {
  return thrown instanceof Failure ? thrown : new Failure('unexpected');
}
