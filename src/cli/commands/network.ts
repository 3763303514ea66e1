// rackseed network …: what DHCP, TFTP and HTTP boot do, and who else gives addresses.

import type { Command } from 'commander';
import { asList, asRecord, type CliContext, type GlobalOptions, withClient } from '../context.ts';
import { renderList, renderOne, renderValue, time } from '../output.ts';

type Row = Readonly<Record<string, unknown>>;

export function networkCommand(program: Command, context: CliContext): void {
  const network = program.command('network').description('what network boot does on each interface, and who else gives addresses there');

  network
    .command('show')
    .description('DHCP, TFTP and HTTP boot now, with the other DHCP servers that were heard')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      print(await withClient(context, options, (client) => client.get('/api/network')), options);
    });

  network
    .command('probe')
    .description('ask on every interface whether another DHCP server answers; takes some seconds')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      if (options.output === 'table') context.err('Asking for DHCP servers on every interface ...\n');
      print(await withClient(context, options, (client) => client.send('POST', '/api/network/probe')), options);
    });

  function print(answer: unknown, { output }: GlobalOptions): void {
    const record = asRecord(answer);
    if (output !== 'table') {
      context.out(renderValue(record, output));
      return;
    }
    const { dhcp, dhcp6, tftp, http } = {
      dhcp: asRecord(record.dhcp),
      dhcp6: asRecord(record.dhcp6),
      tftp: asRecord(record.tftp),
      http: asRecord(record.http),
    };
    const interfaces = asList(dhcp.interfaces);
    context.out(
      renderOne(
        {
          dhcp: `${String(dhcp.mode)}, ${String(dhcp.state)}: ${String(dhcp.reason)}`,
          'dhcp packets': countersText(dhcp.counters),
          dhcp6: dhcp6.mode === 'off' ? 'off' : `${String(dhcp6.mode)}: ${countersText(dhcp6.counters)}`,
          tftp: record.tftp === null ? 'off' : `${String(tftp.listen)}: ${countersText(tftp.counters)}`,
          http: `${String(http.listen)}: ${countersText(http.counters)}`,
        },
        'table',
      ),
    );
    if (interfaces.length > 0) context.out(`\n${renderList(interfaces, INTERFACE_COLUMNS, 'table')}`);
    const others = interfaces.flatMap((one) => asList(one.otherServers).map((other) => ({ ...other, interface: one.name })));
    if (others.length > 0) context.out(`\n${renderList(others, OTHER_COLUMNS, 'table')}`);
    const downloads = asList(http.downloads);
    if (downloads.length > 0) context.out(`\n${renderList(downloads, DOWNLOAD_COLUMNS, 'table')}`);
  }
}

function countersText(counters: unknown): string {
  return Object.entries(asRecord(counters))
    .map(([name, count]) => `${String(count)} ${name}`)
    .join(', ');
}

const INTERFACE_COLUMNS = [
  { title: 'INTERFACE', value: (row: Row) => row.name },
  { title: 'ADDRESS', value: (row: Row) => row.address },
  { title: 'DHCP', value: (row: Row) => row.state },
  { title: 'REASON', value: (row: Row) => row.reason },
  { title: 'NEXT STEP', value: (row: Row) => row.hint },
];

const OTHER_COLUMNS = [
  { title: 'OTHER DHCP SERVER', value: (row: Row) => row.address },
  { title: 'MAC', value: (row: Row) => row.mac },
  { title: 'INTERFACE', value: (row: Row) => row.interface },
  { title: 'GIVES', value: (row: Row) => row.role },
  { title: 'FIRST SEEN (UTC)', value: (row: Row) => time(row.firstSeenAt) },
  { title: 'LAST SEEN (UTC)', value: (row: Row) => time(row.lastSeenAt) },
  { title: 'HOW WE KNOW', value: (row: Row) => row.evidence },
];

const DOWNLOAD_COLUMNS = [
  { title: 'MACHINE', value: (row: Row) => row.peer },
  { title: 'BOOT FILE', value: (row: Row) => row.file },
  { title: 'SENT', value: (row: Row) => row.sentBytes },
  { title: 'OF', value: (row: Row) => row.totalBytes },
  { title: 'BYTES/S', value: (row: Row) => row.bytesPerSecond },
  { title: 'STATE', value: (row: Row) => row.state },
  { title: 'SINCE (UTC)', value: (row: Row) => time(row.startedAt) },
];
