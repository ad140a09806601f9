import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import type { ReactNode } from 'react';
import { asFailure, type Failure } from '../api/failure';
import type { TextKey } from '../texts/en';
import { type Texts, useTexts } from '../texts/use';

const known = [
  'unauthorized',
  'forbidden',
  'insufficient_scope',
  'not_found',
  'name_taken',
  'token_limit',
  'token_not_active',
  'conflict',
  'invalid_request',
  'too_many_requests',
  'unavailable',
  'no_answer',
  'session_ended',
] as const;

/** What a failure means, in a sentence. */
export function sentenceOf({ t }: Texts, failure: Failure): string {
  const code = known.find((c) => c === failure.code);
  const key: TextKey = code ? `failure.${code}` : 'failure.unexpected';
  return t(key);
}

/** Says what failed and why, with a way to try again where there is one. */
export function FailureAlert({
  title,
  thrown,
  retry,
  children,
}: {
  title: string;
  thrown: unknown;
  retry?: () => void;
  children?: ReactNode;
}) {
  const texts = useTexts();
  const failure = asFailure(thrown);
  return (
    <div role="alert">
      <Alert type="error" header={title} action={retry && <Button onClick={retry}>{texts.t('retry')}</Button>}>
        {sentenceOf(texts, failure)}
        {children}
        {failure.requestId !== '' && (failure.code === 'unexpected' || failure.code === 'internal') && (
          <div>{texts.t('failure.requestId', { id: failure.requestId })}</div>
        )}
      </Alert>
    </div>
  );
}
