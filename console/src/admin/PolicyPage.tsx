import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { FailureAlert } from '../app/FailureAlert';
import { useTexts } from '../texts/use';
import { PolicyForm } from './PolicyForm';
import { useAdminPolicy } from './use';

/** The policy that all tokens are under. */
export function PolicyPage() {
  const { t } = useTexts();
  const policy = useAdminPolicy();
  if (policy.data) return <PolicyForm policy={policy.data} />;
  if (policy.isError) {
    return <FailureAlert title={t('policy.unread')} thrown={policy.error} retry={() => void policy.refetch()} />;
  }
  return <StatusIndicator type="loading">{t('loading')}</StatusIndicator>;
}
