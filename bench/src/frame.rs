//! WebSocket frames (RFC 6455 section 5), as far as text, ping, pong and close need them.

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A whole frame at the start of what was read.
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    /// Where its payload lies. A masked one has the key of zeros, which leaves bytes as they are.
    pub(crate) payload: std::ops::Range<usize>,
}

/// The first frame, if all of it is there.
pub(crate) fn first(bytes: &[u8]) -> Option<Frame> {
    let (&flags, &length) = (bytes.first()?, bytes.get(1)?);
    let (length, mut at) = match length & 0x7f {
        126 => (
            u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into(),
            4,
        ),
        127 => {
            let long = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (usize::try_from(long).ok()?, 10)
        }
        short => (usize::from(short), 2),
    };
    if bytes[1] & 0x80 != 0 {
        at += 4;
    }
    (bytes.len() >= at + length).then_some(Frame {
        opcode: flags & 0x0f,
        payload: at..at + length,
    })
}

/// Writes a frame. Clients must mask: with a key of zeros nothing has to be computed.
pub(crate) fn put(out: &mut Vec<u8>, opcode: u8, masked: bool, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mask = if masked { 0x80 } else { 0 };
    out.push(0x80 | opcode);
    if let Ok(short @ 0..126) = u8::try_from(length) {
        out.push(mask + short);
    } else if let Ok(middle) = u16::try_from(length) {
        out.push(mask + 126);
        out.extend_from_slice(&middle.to_be_bytes());
    } else {
        out.push(mask + 127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
    if masked {
        out.extend_from_slice(&[0; 4]);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (length, masked) in [
            (0, false),
            (125, true),
            (126, false),
            (65_535, true),
            (65_536, false),
        ] {
            let payload = vec![b'x'; length];
            let mut bytes = Vec::new();
            put(
                &mut bytes,
                TEXT,
                masked,
                &[&payload[..length / 2], &payload[length / 2..]],
            );
            assert!(first(&bytes[..bytes.len() - 1]).is_none());
            let frame = first(&bytes).unwrap();
            assert_eq!((frame.opcode, frame.payload.end), (TEXT, bytes.len()));
            assert_eq!(&bytes[frame.payload], &payload[..]);
        }
    }
}
