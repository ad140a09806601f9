import TopNavigation from '@cloudscape-design/components/top-navigation';
import { Outlet, ScrollRestoration, useNavigate } from 'react-router';
import { useAdmin } from '../admin/use';
import { useMe } from '../api/use';
import { SignInAgain } from '../session/SignInAgain';
import type { Session } from '../session/session';
import { useTexts } from '../texts/use';
import { useTell } from './notices';
import { LANGUAGES, type Language, type Theme, useSettings } from './settings';

const THEMES = ['system', 'light', 'dark'] as const;

/** What stands around every page: the bar at the top with the person's menu. */
export function Shell({ session }: { session: Session }) {
  const { t } = useTexts();
  const tell = useTell();
  const navigate = useNavigate();
  const settings = useSettings();
  const me = useMe();
  const admin = useAdmin();
  const name = me.data?.name ?? me.data?.sub ?? t('me');

  const signOut = () => {
    session.signOut().catch(() => tell('error', t('signOut.failed')));
  };

  return (
    <>
      <div id="top">
        <TopNavigation
          identity={{
            title: t('product'),
            href: '/',
            onFollow: (event) => {
              event.preventDefault();
              navigate('/');
            },
          }}
          i18nStrings={{
            overflowMenuTriggerText: t('menu.more'),
            overflowMenuTitleText: t('menu.all'),
            overflowMenuBackIconAriaLabel: t('menu.back'),
            overflowMenuDismissIconAriaLabel: t('menu.close'),
          }}
          utilities={[
            {
              type: 'menu-dropdown',
              iconName: 'settings',
              ariaLabel: t('menu.settings'),
              title: t('menu.settings'),
              items: [
                {
                  id: 'theme',
                  text: t('menu.theme'),
                  items: THEMES.map((theme) => ({
                    itemType: 'checkbox' as const,
                    id: `theme:${theme}`,
                    text: t(`menu.theme.${theme}`),
                    checked: settings.theme === theme,
                  })),
                },
                {
                  id: 'language',
                  text: t('menu.language'),
                  items: Object.entries(LANGUAGES).map(([language, text]) => ({
                    itemType: 'checkbox' as const,
                    id: `language:${language}`,
                    text,
                    lang: language,
                    checked: settings.language === language,
                  })),
                },
              ],
              onItemClick: ({ detail }) => {
                const [what, value] = detail.id.split(':');
                if (what === 'theme') settings.setTheme(value as Theme);
                if (what === 'language') settings.setLanguage(value as Language);
              },
            },
            {
              type: 'menu-dropdown',
              iconName: 'user-profile',
              text: name,
              ariaLabel: t('menu.user', { name }),
              description: me.data?.sub,
              items: [
                { id: 'configuration', text: t('configuration.title'), href: '/configuration' },
                ...(admin.is ? [{ id: 'admin', text: t('admin.title'), href: '/admin/policy' }] : []),
                { id: 'sign-out', text: t('signOut') },
              ],
              onItemFollow: (event) => {
                if (event.detail.href === undefined) return;
                event.preventDefault();
                navigate(event.detail.href);
              },
              onItemClick: ({ detail }) => {
                if (detail.id === 'sign-out') signOut();
              },
            },
          ]}
        />
      </div>
      <Outlet />
      {/* The first page of every visit has the key `default`: another page's place is not this one's. */}
      <ScrollRestoration getKey={({ key, pathname }) => (key === 'default' ? pathname : key)} />
      <SignInAgain session={session} />
    </>
  );
}
