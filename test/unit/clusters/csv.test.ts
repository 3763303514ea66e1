// Members of a cluster as CSV: what is read, and where a bad row is bad.

import { describe, expect, it } from 'vitest';
import { membersOfCsv } from '../../../src/clusters/index.ts';

const UUID = '4c4c4544-0042-3510-8052-b4c04f4d3132';

describe('members as CSV', () => {
  it('have names, network cards, UUIDs and addresses in any order of columns; comments and empty lines are left out', () => {
    const { members, problems } = membersOfCsv(
      `\uFEFFMAC,name,address,uuid\r\n# rack 1\r\n\r\n"BC-24-11-00-00-01; bc2411000002",pve1,"192.0.2.11 2001:db8::1",${UUID.toUpperCase()}\r\nbc:24:11:00:00:03,pve2,,`,
    );
    expect(problems).toEqual([]);
    expect(members).toMatchObject([
      { name: 'pve1', macs: ['bc:24:11:00:00:01', 'bc:24:11:00:00:02'], smbiosUuid: UUID, addresses: ['192.0.2.11', '2001:db8::1'] },
      { name: 'pve2', macs: ['bc:24:11:00:00:03'], smbiosUuid: null, addresses: [] },
    ]);
  });

  it.each([
    ['name,mac\npve1,xyz', 2, 'mac', 'no MAC'],
    ['name,mac\npve1,ff:ff:ff:ff:ff:ff', 2, 'mac', 'no address of a network card'],
    ['name,mac\n,bc:24:11:00:00:01', 2, 'name', 'empty'],
    ['name,mac\npve1,bc:24:11:00:00:01\n\npve2,bc:24:11:00:00:01', 4, 'mac', 'line 2'],
    ['name,mac\npve1,bc:24:11:00:00:01\nPVE1,bc:24:11:00:00:02', 3, 'name', 'line 2'],
    ['name,uuid\npve1,03000200-0400-0500-0006-000700080009', 2, 'uuid', 'many boards share'],
    ['name,mac,uuid\npve1,,', 2, 'mac', 'neither a MAC nor a UUID'],
    ['name,mac,address\npve1,bc:24:11:00:00:01,192.0.2.300', 2, 'address', 'no IP address'],
    ['name,mac\npve1', 2, 'mac', '1 values for 2 columns'],
    ['name,mak\npve1,x', 1, '"mak"', 'did you mean mac?'],
    ['name\npve1', 1, 'mac', 'neither a column mac nor uuid'],
    ['name,mac\n"pve1,bc:24:11:00:00:01', 2, '1', 'not closed'],
    ['', 1, 'name', 'empty'],
  ])('a bad row is named with its line and column: %j', (text, line, column, message) => {
    const { members, problems } = membersOfCsv(text);
    expect(problems[0]).toMatchObject({ line, column, message: expect.stringContaining(message) as unknown });
    expect(members.length).toBeLessThan(2);
  });

  it('good rows beside bad ones are there for whoever leaves the bad ones out', () => {
    const { members, problems } = membersOfCsv('name,mac\npve1,bc:24:11:00:00:01\npve2,oops\n');
    expect([members.map(({ name }) => name), problems.map(({ line }) => line)]).toEqual([['pve1'], [3]]);
  });
});
