import Alert from '@cloudscape-design/components/alert';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import type { Issued } from '../api/change';
import { useLimits, useScopes } from '../api/use';
import { FailureAlert } from '../app/FailureAlert';
import { useTell } from '../app/notices';
import { Page } from '../app/Page';
import { ShownOnce } from '../shown/ShownOnce';
import { useTexts } from '../texts/use';
import { CreateForm } from './CreateForm';

/** A new token: the form, then its value, once. */
export function CreatePage() {
  const { t } = useTexts();
  const navigate = useNavigate();
  const tell = useTell();
  const [params] = useSearchParams();
  const scopes = useScopes();
  const limits = useLimits();
  const [made, setMade] = useState<Issued | null>(null);
  // The form is filled in from the address it was opened at.
  const [opened] = useState(params);

  const above = [{ text: t('configuration.title'), href: '/configuration' }];
  if (made) {
    return (
      <Page title={t('shown.created', { name: made.token.name })} above={above} maxWidth={800}>
        <ShownOnce
          issued={made}
          done={() => {
            tell('success', t('create.done', { name: made.token.name }));
            navigate('/configuration', { replace: true });
          }}
        />
      </Page>
    );
  }
  return (
    <Page title={t('create.title')} above={above} maxWidth={800} description={t('create.what')}>
      {scopes.isError ? (
        <FailureAlert title={t('scopes.failed')} thrown={scopes.error} retry={() => void scopes.refetch()} />
      ) : limits.isError ? (
        <FailureAlert title={t('limits.failed')} thrown={limits.error} retry={() => void limits.refetch()} />
      ) : limits.data?.may_create === false ? (
        <Alert type="info">{t('limits.mayNot')}</Alert>
      ) : scopes.data && limits.data ? (
        <CreateForm scopes={scopes.data} policy={limits.data} params={opened} made={setMade} />
      ) : (
        <StatusIndicator type="loading">{t('loading')}</StatusIndicator>
      )}
    </Page>
  );
}
