package main

import (
	"encoding/binary"
	"errors"
	"strings"
)

// file makes a store of keys or logins, or something that only looks like one,
// as far as its form tells.
func (v valuer) file(what string) (string, error) {
	filler := string(v.bytes(1200))
	switch what {
	case "jks":
		return v.keystore(1, filler), nil
	case "jks-trust":
		return v.keystore(2, filler), nil
	case "p12":
		return der("\x02\x01\x03\x30", filler), nil
	case "pkcs8":
		return der("\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", filler), nil
	case "certificate":
		return der("\x30\x82\x04\x10\xa0\x03\x02\x01\x02\x02\x08", filler), nil
	case "kdbx":
		return "\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x01\x00\x04\x00" + filler, nil
	case "zip":
		return "PK\x03\x04\x14\x00\x00\x00\x08\x00" + filler, nil
	case "sqlite":
		return "SQLite format 3\x00\x10\x00\x01\x01\x00\x40\x20\x20" + strings.Repeat("\x00", 64) + filler, nil
	case "secring":
		return "\x95\x01\xfe\x04\x00\x00" + filler, nil
	case "pubring":
		return "\x99\x01\x0d\x04\x00\x00" + filler, nil
	}
	return "", errors.New("there is no such file")
}

// der gives an ASN.1 sequence.
func der(head, body string) string {
	out := binary.BigEndian.AppendUint16([]byte{0x30, 0x82}, uint16(len(head)+len(body)))
	return string(out) + head + body
}

// keystore gives a Java key store with one entry: 1 is a private key, 2 a
// certificate.
func (v valuer) keystore(tag uint32, body string) string {
	b := []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01")
	b = binary.BigEndian.AppendUint32(b, tag)
	b = append(b, "\x00\x04shop"...)
	b = append(b, v.bytes(8)...)
	if tag == 2 {
		b = append(b, "\x00\x05X.509"...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	return string(append(b, v.bytes(20)...))
}
