// Header names as old clients expect to read them. HTTP gives case no meaning (RFC 9110 §5.1), but GRUB 2.12 finds the length only under
// "Content-Length" (grub-core/net/http.c, parse_line) and waits half a minute for the end of a body whose length it does not know.

import type { OutgoingHttpHeaders } from 'node:http';

export function headerCase<T extends OutgoingHttpHeaders>(headers: T): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.replaceAll(/(?:^|-)[a-z]/g, (start) => start.toUpperCase()), value]),
  );
}
