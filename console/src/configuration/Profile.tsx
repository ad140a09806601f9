import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useMe } from '../api/use';
import { FailureAlert } from '../app/FailureAlert';
import { useTexts } from '../texts/use';

/** Who is signed in, as the API sees them. */
export function Profile() {
  const { t, intl } = useTexts();
  const me = useMe();
  if (me.isError) return <FailureAlert title={t('profile.failed')} thrown={me.error} retry={() => void me.refetch()} />;
  return (
    <Container header={<Header variant="h2">{t('profile.title')}</Header>}>
      {me.data ? (
        <KeyValuePairs
          columns={3}
          items={[
            { label: t('profile.name'), value: me.data.name ?? '–' },
            { label: t('profile.subject'), value: <span className="code">{me.data.sub}</span> },
            {
              label: t('profile.groups'),
              value:
                me.data.groups.length > 0 ? intl.formatList(me.data.groups, { type: 'unit' }) : t('profile.noGroups'),
            },
          ]}
        />
      ) : (
        <StatusIndicator type="loading">{t('loading')}</StatusIndicator>
      )}
    </Container>
  );
}
