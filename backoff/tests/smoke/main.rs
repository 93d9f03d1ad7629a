//! The checks of the fuzz targets on a fixed sequence of mutations, short enough for each test run.

#![allow(clippy::panic, reason = "a check fails as the test does")]

mod checks;

use keyfob_backoff::SeededRandom;

/// Changes, duplicates, cuts or inserts a few bytes.
fn mutate(random: &mut SeededRandom, seed: &[u8]) -> Vec<u8> {
    const PIECES: [&[u8]; 16] = [
        b"__type",
        b"code",
        b"<Error>",
        b"</",
        b"<!--",
        b"-->",
        b"{\"",
        b"#a:",
        b"\xff",
        b"\x7f",
        b"\xbf",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b" GMT",
        b"\n",
        b"99999999999999999999",
        b"-",
    ];
    let mut below = |limit: usize| {
        let fraction = keyfob_backoff::Random::fraction(random);
        ((fraction * limit as f64) as usize).min(limit.saturating_sub(1))
    };
    let mut bytes = seed.to_vec();
    for _ in 0..=below(4) {
        let at = below(bytes.len());
        let end = at + below(bytes.len() - at);
        match below(5) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << below(8),
            2 => bytes.extend_from_within(at..),
            3 => drop(bytes.drain(at..end)),
            _ => drop(bytes.splice(at..at, PIECES[below(PIECES.len())].iter().copied())),
        }
    }
    bytes
}

fn run(seeds: &[&[u8]], rounds: usize, check: fn(&[u8])) {
    let mut random = SeededRandom::new(1);
    for seed in seeds {
        check(seed);
    }
    for round in 0..rounds {
        check(&mutate(&mut random, seeds[round % seeds.len()]));
    }
}

#[test]
fn every_error_code_is_a_piece_of_the_answer_and_is_found_where_a_json_reader_finds_it() {
    let seeds: [&[u8]; 7] = [
        b"application/x-amz-json-1.1\n\n\n{\"m\": \"a {\", \"l\": [1, {\"x\": \"No\"}], \"__type\": \"a#SlowDown:http://x\"}",
        b"\n\n\n{\"code\":\"A\",\"__type\":\"B\", \"Code\": 1}",
        b"\n\n\n\xa3\x67message\x69slow down\x69retryable\x83\xf5\xa1\x66__type\x62No\xfb\x3f\xf8\0\0\0\0\0\0\x66__type\x68SlowDown",
        b"\n\n\n\xbf\x67message\x7f\x64slow\x65 down\xff\x61a\x9f\xf5\xbf\x61b\xc1\x00\xff\xff\x7f\x66__type\xff\x7f\x6aThrottling\xff\xff",
        b"\nA.B;Sender\nThrottlingException:http://x\n<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
        b"\n\n\n\xef\xbb\xbf<?xml version='1.0'?><!-- x --><s3:Error><s3:Code> SlowDown </s3:Code></s3:Error>",
        b"\n\n\n<html><body>Bad Gateway",
    ];
    run(&seeds, 20_000, checks::error_code);
}

#[test]
fn every_date_is_read_and_written_again() {
    let seeds: [&[u8]; 4] = [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
        b"Sat, 29 Feb 2020 23:59:60 GMT",
    ];
    run(&seeds, 30_000, checks::http_date);
}

#[test]
fn no_hint_makes_a_wait_longer_than_the_policy_allows() {
    let seeds: [&[u8]; 4] = [
        b"1500\n9\n",
        b"\nSun, 06 Nov 1994 08:49:37 GMT\nSun, 06 Nov 1994 08:49:00 GMT",
        b"-1\n120\nx",
        b"99999999999999999999\n 7 \n",
    ];
    run(&seeds, 30_000, checks::hint);
}

#[test]
fn an_s3_document_that_is_cut_off_is_a_500() {
    let seeds: [&[u8]; 4] = [
        b"<?xml version='1.0'?>\n <Error><Code>InternalError</Code></Error>",
        b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>",
        b"<!-- a --><a/>",
        b"",
    ];
    run(&seeds, 3_000, checks::s3_status);
}
