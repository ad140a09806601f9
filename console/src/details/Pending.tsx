import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { UseQueryResult } from '@tanstack/react-query';
import type { Token } from '../api/client';
import { asFailure } from '../api/failure';
import { FailureAlert } from '../app/FailureAlert';
import { useTexts } from '../texts/use';

/** What stands in the place of a token that is not there yet, or cannot be read. */
export function Pending({ token }: { token: UseQueryResult<Token> }) {
  const { t } = useTexts();
  if (!token.isError) return <StatusIndicator type="loading">{t('loading')}</StatusIndicator>;
  return (
    <FailureAlert
      title={t('details.failed')}
      thrown={token.error}
      retry={asFailure(token.error).code === 'not_found' ? undefined : () => void token.refetch()}
    />
  );
}
