//! WebSocket frames as bytes (RFC 6455, 5.2): written in every wrong way there is, read strictly.

use bytes::{Buf, BytesMut};

pub(super) mod opcode {
    pub(in crate::selftest) const CONTINUATION: u8 = 0x0;
    pub(in crate::selftest) const TEXT: u8 = 0x1;
    pub(in crate::selftest) const BINARY: u8 = 0x2;
    pub(in crate::selftest) const CLOSE: u8 = 0x8;
    pub(in crate::selftest) const PING: u8 = 0x9;
    pub(in crate::selftest) const PONG: u8 = 0xA;
}

/// Longest frame that is read: no answer of a gateway is as long.
const LONGEST: u64 = 64 << 20;
/// Most that a control frame may hold.
pub(super) const LONGEST_CONTROL: usize = 125;
/// A client may choose any mask; what it hides is no secret here.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame that a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The last one of its message.
    pub(super) is_final: bool,
    /// The three reserved bits.
    pub(super) reserved: u8,
    pub(super) opcode: u8,
    pub(super) is_masked: bool,
    pub(super) payload: Vec<u8>,
    /// The length that the header tells, where that is not the payload's.
    pub(super) claimed: Option<u64>,
}

impl Frame {
    pub(super) fn new(opcode: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            is_final: true,
            reserved: 0,
            opcode,
            is_masked: true,
            payload: payload.into(),
            claimed: None,
        }
    }

    pub(super) fn text(payload: &str) -> Self {
        Self::new(opcode::TEXT, payload)
    }

    /// A close frame with a code and a reason of any bytes.
    pub(super) fn close(code: u16, reason: &[u8]) -> Self {
        Self::new(opcode::CLOSE, [&code.to_be_bytes()[..], reason].concat())
    }

    /// More of the message follows.
    pub(super) fn unfinished(self) -> Self {
        Self {
            is_final: false,
            ..self
        }
    }

    pub(super) fn reserved(self, reserved: u8) -> Self {
        Self { reserved, ..self }
    }

    pub(super) fn unmasked(self) -> Self {
        Self {
            is_masked: false,
            ..self
        }
    }

    pub(super) fn claiming(self, length: u64) -> Self {
        Self {
            claimed: Some(length),
            ..self
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.is_final) << 7 | self.reserved << 4 | self.opcode];
        let length = self.claimed.unwrap_or(self.payload.len() as u64);
        let mask_bit = u8::from(self.is_masked) << 7;
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ 0..=125), _) => bytes.push(mask_bit | short),
            (_, Ok(middle)) => {
                bytes.push(mask_bit | 0x7e);
                bytes.extend(middle.to_be_bytes());
            }
            _ => {
                bytes.push(mask_bit | 0x7f);
                bytes.extend(length.to_be_bytes());
            }
        }
        if self.is_masked {
            bytes.extend(MASK);
            let masked = self.payload.iter().zip(MASK.iter().cycle());
            bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
        } else {
            bytes.extend(&self.payload);
        }
        bytes
    }
}

/// A frame that the server sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) is_final: bool,
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
}

/// Takes the next whole frame out of what was read, if it is all there.
///
/// # Errors
/// What no server may send.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Received>, String> {
    let [first, second, ..] = buffer[..] else {
        return Ok(None);
    };
    if first & 0x70 != 0 {
        return Err("the server set reserved bits (RFC 6455, 5.2)".into());
    }
    if second & 0x80 != 0 {
        return Err("the server masked a frame (RFC 6455, 5.1)".into());
    }
    let (is_final, opcode) = (first & 0x80 != 0, first & 0x0f);
    if opcode >= opcode::CLOSE && (!is_final || second as usize > LONGEST_CONTROL) {
        return Err("the server sent a long or fragmented control frame (RFC 6455, 5.5)".into());
    }
    let Some((header, length)) = extent(buffer, second) else {
        return Ok(None);
    };
    if length > LONGEST {
        return Err(format!("the server announced a frame of {length} bytes"));
    }
    let length = usize::try_from(length).map_err(|_| "a frame larger than the memory")?;
    if buffer.len() < header + length {
        return Ok(None);
    }
    buffer.advance(header);
    let payload = buffer.split_to(length).to_vec();
    Ok(Some(Received {
        is_final,
        opcode,
        payload,
    }))
}

/// How long header and payload are, once the header is there.
fn extent(buffer: &[u8], short: u8) -> Option<(usize, u64)> {
    match short {
        126 => {
            let length = buffer.get(2..4)?.try_into().ok()?;
            Some((4, u16::from_be_bytes(length).into()))
        }
        127 => {
            let length = buffer.get(2..10)?.try_into().ok()?;
            Some((10, u64::from_be_bytes(length)))
        }
        short => Some((2, short.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_written_as_the_rfc_shows_them() {
        // RFC 6455, 5.7, has both.
        let hello = Frame::text("Hello");
        let expected = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(hello.encode(), expected);
        let unmasked = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        assert_eq!(hello.unmasked().encode(), unmasked);
        let first = Frame::text("Hel").unfinished().unmasked();
        assert_eq!(first.encode(), [0x01, 0x03, 0x48, 0x65, 0x6c]);
        let long = Frame::new(opcode::BINARY, vec![0_u8; 256]).unmasked();
        assert_eq!(long.encode()[..4], [0x82, 0x7e, 0x01, 0x00]);
        let claiming = Frame::text("").claiming(65_536).encode();
        assert_eq!(claiming[1..10], [0xff, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn frames_are_read_when_they_are_whole() {
        for length in [0, 5, 125, 126, 65_535, 65_536] {
            let frame = Frame::new(opcode::BINARY, vec![7_u8; length]).unmasked();
            let bytes = [frame.encode(), vec![0x81]].concat();
            let whole = bytes.len() - 1;
            for part in [1, 2, whole - 1] {
                let mut buffer = BytesMut::from(&bytes[..part.min(whole - 1)]);
                assert_eq!(take(&mut buffer), Ok(None), "{part} of {length}");
            }
            let mut buffer = BytesMut::from(&bytes[..]);
            let received = take(&mut buffer).unwrap().expect("a frame");
            assert_eq!(received.payload, frame.payload);
            assert_eq!(buffer[..], [0x81]);
        }
    }

    #[test]
    fn what_no_server_may_send_is_an_error() {
        let ping = |length| Frame::new(opcode::PING, vec![0_u8; length]).unmasked();
        for wrong in [
            Frame::text("masked"),
            Frame::text("x").unmasked().reserved(4),
            ping(126),
            ping(1).unfinished(),
            Frame::text("").unmasked().claiming(u64::MAX),
        ] {
            let mut buffer = BytesMut::from(&wrong.encode()[..]);
            assert!(take(&mut buffer).is_err(), "{wrong:?}");
        }
    }
}
