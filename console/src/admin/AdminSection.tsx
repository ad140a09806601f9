import Alert from '@cloudscape-design/components/alert';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Tabs from '@cloudscape-design/components/tabs';
import { Outlet, useLocation, useNavigate } from 'react-router';
import { FailureAlert } from '../app/FailureAlert';
import { Page } from '../app/Page';
import { useTexts } from '../texts/use';
import { useAdmin } from './use';

/** The pages of the section, each at /admin/ and its name. */
const TABS = [
  { id: 'policy', text: 'admin.policy' },
  { id: 'tokens', text: 'admin.tokens' },
  { id: 'people', text: 'admin.people' },
  { id: 'trail', text: 'admin.trail' },
] as const;

/** What stands around every page of an administrator. Others learn that it is not for them. */
export function AdminSection() {
  const { t } = useTexts();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const admin = useAdmin();
  const here = TABS.find((tab) => pathname === `/admin/${tab.id}`) ?? TABS[0];

  if (!admin.is) {
    return (
      <Page title={t('admin.title')} above={[{ text: t('configuration.title'), href: '/configuration' }]}>
        {admin.is === false ? (
          <Alert type="info">{t('admin.notYours')}</Alert>
        ) : admin.failure ? (
          <FailureAlert title={t('admin.failed')} thrown={admin.failure} retry={admin.retry} />
        ) : (
          <StatusIndicator type="loading">{t('loading')}</StatusIndicator>
        )}
      </Page>
    );
  }
  return (
    <Page title={t(here.text)} above={[{ text: t('admin.title'), href: '/admin/policy' }]}>
      <Tabs
        ariaLabel={t('admin.title')}
        activeTabId={here.id}
        keyboardActivationMode="manual"
        tabs={TABS.map((tab) => ({
          id: tab.id,
          label: t(tab.text),
          href: `/admin/${tab.id}`,
          content: tab.id === here.id ? <Outlet /> : null,
        }))}
        onChange={({ detail }) => navigate(`/admin/${detail.activeTabId}`)}
      />
    </Page>
  );
}
