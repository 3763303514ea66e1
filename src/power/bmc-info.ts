// What driver_info says of a BMC, by protocol: the keys are those that Ironic's clients set. Data only.

import { Type } from 'typebox';

const text = (description: string) => Type.Optional(Type.String({ description }));
const whole = (description: string, minimum: number, maximum: number) =>
  Type.Optional(Type.Union([Type.Integer({ minimum, maximum }), Type.String({ pattern: '^[0-9]{1,5}$' })], { description }));

export const IPMI_INFO = Type.Object({
  ipmi_address: Type.String({ description: 'IP address or host name of the BMC. Required.', minLength: 1, maxLength: 255 }),
  ipmi_port: whole('UDP port of the BMC; 623 unless told. Optional.', 1, 65_535),
  ipmi_username: text('User name; none unless told. Optional.'),
  ipmi_password: text('Password. Optional.'),
  ipmi_hex_kg_key: text('BMC key (Kg) for IPMI 2.0, 40 hexadecimal digits. Optional.'),
  ipmi_priv_level: text('Privilege level: ADMINISTRATOR (unless told), OPERATOR, USER or CALLBACK. Optional.'),
  ipmi_protocol_version: text('2.0 (unless told) or 1.5. Optional.'),
  ipmi_cipher_suite: whole('Cipher suite: 17 (AES-128 with SHA256) or 3 (with SHA1). Optional.', 0, 17),
  ipmi_bridging: text('Bridging: no (unless told), single or dual. Optional.'),
  ipmi_target_channel: text('Channel of the bridged request. With single or dual bridging only.'),
  ipmi_target_address: text('Address of the bridged request. With single or dual bridging only.'),
  ipmi_transit_channel: text('Transit channel. With dual bridging only.'),
  ipmi_transit_address: text('Transit address. With dual bridging only.'),
  ipmi_local_address: text('Local IPMB address of bridged requests. Optional.'),
  ipmi_force_boot_device: Type.Optional(
    Type.Union([Type.Boolean(), Type.String()], {
      description: 'Whether the boot device is told to the BMC at every power on, for BMCs that forget it. Optional.',
    }),
  ),
  ipmi_disable_boot_timeout: Type.Optional(
    Type.Union([Type.Boolean(), Type.String()], {
      description: 'Whether the BMC is told not to forget the boot device after 60 seconds; true unless told. Optional.',
    }),
  ),
});

export const REDFISH_INFO = Type.Object({
  redfish_address: Type.String({
    description: 'URL of the BMC, such as https://192.0.2.9; https is meant where the scheme is missing. Required.',
    minLength: 1,
    maxLength: 1024,
  }),
  redfish_system_id: text('Path of the system, such as /redfish/v1/Systems/1. Needed only where the BMC has several.'),
  redfish_username: text('User name. Optional.'),
  redfish_password: text('Password. Optional.'),
  redfish_verify_ca: Type.Optional(
    Type.Union([Type.Boolean(), Type.String()], {
      description: "Whether the BMC's certificate is checked, or the path of a CA bundle to check it with; true unless told. Optional.",
    }),
  ),
  redfish_auth_type: text('basic, session or auto. Optional.'),
});
