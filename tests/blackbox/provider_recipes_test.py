"""Every kind of provider has a recipe in docs/providers, and its commands work as they stand there."""

import json
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

from herald_harness import HeraldTest

RECIPES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "providers"
COMMANDS = (("provider", "add"), ("provider", "explain"), ("notification", "add"))
RSA = ("-newkey", "rsa:2048")
ELLIPTIC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def commands_of(recipe):
    """The herald commands of the ```sh blocks, as lists of arguments."""
    for block in re.findall(r"^```sh\n(.*?)^```$", recipe.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "herald" and tuple(words[1:3]) in COMMANDS:
                yield words[1:]


def key_pair(algorithm):
    """(private key, self-signed certificate) as PEM."""
    with tempfile.TemporaryDirectory(prefix="herald-key-") as directory:
        key, certificate = pathlib.Path(directory, "key"), pathlib.Path(directory, "certificate")
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "365", "-subj", "/CN=herald", *algorithm,
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        return key.read_text(), certificate.read_text()


class ProviderRecipesTest(HeraldTest):
    @classmethod
    def setUpClass(cls):
        key, certificate = key_pair(RSA)
        ec_key, _ = key_pair(ELLIPTIC)
        account = {"type": "service_account", "private_key_id": "key-1", "private_key": key}
        cls.files = {"key.pem": key, "certificate.pem": certificate, "ec-key.pem": ec_key,
                     "secret.txt": "a secret", "refresh-token.txt": "a refresh token",
                     "service-account.json": json.dumps(account)}

    def setUp(self):
        super().setUp()
        for name, content in self.files.items():
            self.herald.file(content, name)

    def test_each_kind_has_a_recipe_that_adds_it_and_explains_it(self):
        kinds = {kind["name"] for kind in self.herald.must("provider", "kinds")}
        self.assertEqual({recipe.stem for recipe in RECIPES.glob("*.md")}, kinds)
        for kind in sorted(kinds):
            with self.subTest(kind=kind):
                commands = list(commands_of(RECIPES / f"{kind}.md"))
                self.assertEqual({tuple(command[:2]) for command in commands}, set(COMMANDS))
                adds = [command for command in commands if command[:2] == ["provider", "add"]]
                wanted = {None} if kind == "generic" else {kind}
                self.assertEqual({kind_of(add) for add in adds}, wanted)

    def test_each_command_works_as_written(self):
        for recipe in sorted(RECIPES.glob("*.md")):
            for command in commands_of(recipe):
                with self.subTest(recipe=recipe.name, command=" ".join(command)):
                    result = self.herald.run(*command)
                    self.assertEqual(result.exit, 0, f"\n{result}")


def kind_of(command):
    return command[command.index("--kind") + 1] if "--kind" in command else None


if __name__ == "__main__":
    unittest.main()
