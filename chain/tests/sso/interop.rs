use std::{fs, process::Command};

use super::{CONFIG, Center, aws::aws};

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_reads_our_token_and_we_read_its_own() {
    let Some(aws) = aws() else {
        println!("not run: needs Unix");
        return;
    };
    for ours_first in [true, false] {
        let center = Center::start().await;
        center.expire("corp", -60);
        fs::write(center.aws().join("config"), CONFIG).unwrap();
        let ours = async || center.get("dev", &center.on_disk()).await.unwrap();
        let theirs = || {
            let output = Command::new(&aws)
                .args(["sts", "get-caller-identity", "--profile", "dev"])
                .env_clear()
                .env("HOME", center.folder.path())
                .env("AWS_ENDPOINT_URL", center.url())
                .env("AWS_DEFAULT_REGION", "eu-west-1")
                .output()
                .unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{stderr}");
        };
        if ours_first {
            ours().await;
            theirs();
        } else {
            theirs();
            ours().await;
        }
        assert_eq!(
            center.refreshes(),
            1,
            "the second one reads what the first one wrote"
        );
    }
}
