/** What a typed network is, or what is wrong with it: the server's rule (netip.ParsePrefix and no host bits). */
export type Judged =
  /** Written in the one way in which two that are the same are written alike. */
  { network: string } | { wrong: 'form' } | { wrong: 'hostBits'; network: string };

export function judgeNetwork(typed: string): Judged {
  const [, address = '', length = ''] = /^([0-9A-Fa-f:.]+)\/(0|[1-9]\d{0,2})$/.exec(typed) ?? [];
  const v6 = address.includes(':');
  const bytes = v6 ? bytesOfIPv6(address) : bytesOfIPv4(address);
  // The server wants an IPv4 network that is written as IPv6 to be written as IPv4.
  if (!bytes || Number(length) > bytes.length * 8 || isMapped(bytes)) return { wrong: 'form' };
  const masked = bytes.map((byte, i) => byte & (0xff << Math.min(8, Math.max(0, 8 * (i + 1) - Number(length)))));
  const network = `${v6 ? textOfIPv6(masked) : masked.join('.')}/${length}`;
  return masked.every((byte, i) => byte === bytes[i]) ? { network } : { wrong: 'hostBits', network };
}

function bytesOfIPv4(address: string): number[] | null {
  const octets = address.split('.');
  const good = octets.length === 4 && octets.every((o) => /^(0|[1-9]\d{0,2})$/.test(o) && Number(o) <= 255);
  return good ? octets.map(Number) : null;
}

/** The browser's own parser of addresses, which answers in the shortest form: [2001:db8::1]. */
function parseIPv6(address: string): string | null {
  return URL.canParse(`http://[${address}]/`) ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : null;
}

function bytesOfIPv6(address: string): number[] | null {
  const text = parseIPv6(address);
  if (text === null) return null;
  const [head = [], tail = []] = text.split('::').map((half) => half.split(':').filter(Boolean));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return groups.map((group) => Number.parseInt(group, 16)).flatMap((group) => [group >> 8, group & 0xff]);
}

function textOfIPv6(bytes: readonly number[]): string {
  const groups = bytes.flatMap((byte, i) => (i % 2 ? [] : [((byte << 8) | (bytes[i + 1] ?? 0)).toString(16)]));
  return parseIPv6(groups.join(':')) ?? '';
}

/** Reports whether it is an IPv4 address written as IPv6 (RFC 4291 section 2.5.5.2). */
function isMapped(bytes: readonly number[]): boolean {
  return bytes.length === 16 && bytes.every((byte, i) => i > 11 || byte === (i < 10 ? 0 : 0xff));
}
