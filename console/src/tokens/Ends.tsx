import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { Token } from '../api/client';
import { Day } from '../app/Moment';
import { useTexts } from '../texts/use';
import { endsByPolicy } from './standing';

/** When a token ends, and whether the policy or its owner says so. */
export function Ends({ token }: { token: Token }) {
  const { t } = useTexts();
  if (token.effective_expires_at === null) return <StatusIndicator type="info">{t('ends.never')}</StatusIndicator>;
  return (
    <>
      <Day at={token.effective_expires_at} />
      {endsByPolicy(token) && <> {t('ends.byPolicy')}</>}
    </>
  );
}
