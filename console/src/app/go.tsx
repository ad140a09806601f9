import CloudscapeLink, { type LinkProps } from '@cloudscape-design/components/link';
import { useNavigate } from 'react-router';

/** Returns the properties of a link or a button that lead to a page of ours without a reload. */
export function useGo(): (to: string) => { href: string; onFollow: (event: { preventDefault(): void }) => void } {
  const navigate = useNavigate();
  return (to) => ({
    href: to,
    onFollow: (event) => {
      event.preventDefault();
      navigate(to);
    },
  });
}

/** A link to a page of ours. */
export function PageLink({ to, ...props }: Omit<LinkProps, 'href' | 'onFollow'> & { to: string }) {
  const go = useGo();
  return <CloudscapeLink {...props} {...go(to)} />;
}
