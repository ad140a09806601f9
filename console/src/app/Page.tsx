import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import { type ReactNode, useEffect } from 'react';
import { useNavigate } from 'react-router';
import { useTexts } from '../texts/use';
import { NoticeBar } from './notices';

interface Props {
  title: string;
  description?: ReactNode;
  actions?: ReactNode;
  /** The pages above this one. */
  above?: { text: string; href: string }[];
  /** Pages of forms read better when they are not wide. */
  maxWidth?: number;
  children: ReactNode;
}

/** The frame of every page: its title, where it stands, what was just done. */
export function Page({ title, description, actions, above, maxWidth = 1280, children }: Props) {
  const { t } = useTexts();
  const navigate = useNavigate();
  useEffect(() => {
    document.title = `${title} · ${t('product')}`;
  }, [title, t]);
  return (
    <main className="page">
      <ContentLayout
        defaultPadding
        maxContentWidth={maxWidth}
        notifications={<NoticeBar />}
        breadcrumbs={
          above && (
            <BreadcrumbGroup
              ariaLabel={t('breadcrumbs')}
              items={[...above, { text: title, href: '' }]}
              onFollow={(event) => {
                event.preventDefault();
                if (event.detail.href !== '') navigate(event.detail.href);
              }}
            />
          )
        }
        header={
          <Header variant="h1" description={description} actions={actions}>
            {title}
          </Header>
        }
      >
        {children}
      </ContentLayout>
    </main>
  );
}
