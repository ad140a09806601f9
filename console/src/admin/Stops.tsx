import type { PolicyPreview } from '../api/client';
import { useTexts } from '../texts/use';

/** Reports whether a policy is known to stop nothing. */
export function stopsNothing({ tokens, complete }: PolicyPreview): boolean {
  return tokens === 0 && complete;
}

/** What a policy would stop, in a sentence. */
export function Stops({ preview: { tokens, people, complete } }: { preview: PolicyPreview }) {
  const { t } = useTexts();
  return <>{complete ? t('policy.stops', { tokens, people }) : t('policy.stops.atLeast', { tokens, people })}</>;
}
