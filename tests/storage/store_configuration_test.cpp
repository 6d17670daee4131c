#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "core/encoding.h"
#include "tests/storage/store_fixture.h"

namespace herald::storage {
namespace {

using ::testing::ElementsAre;

/// 16,000 bytes of UTF-8 with NUL, control characters, umlauts, CJK and emoji.
std::string large_secret() {
    std::string text;
    while (text.size() < 15'980) text += std::string("\0\x01\"\\ä漢😀\n", 15);
    text.resize(15'980);
    while (!core::is_valid_utf8(text)) text.pop_back();
    text.resize(16'000, 'x');
    return text;
}

TokenRecord sample_token() {
    TokenRecord token;
    token.access_token = core::Secret("access-canary");
    token.refresh_token = core::Secret(large_secret());
    token.token_type = "bearer";
    token.scopes = {"read", "write all"};
    token.generation = 7;
    token.obtained_at = kNow;
    token.expires_at = kNow + std::chrono::hours(1);
    token.grant_ends_at = kNow + std::chrono::hours(2);
    token.attributes = {{"instance_url", "https://x"}, {"id", 12}, {"nested", {{"a", nullptr}}}};
    return token;
}

TEST_P(StoreConformance, KeepsEveryFieldOfAProvider) {
    ProviderRecord record = sample_provider("crm");
    record.kind = "zuora";
    record.enabled = false;
    record.grant_type = "refresh_token";
    record.client_secret = core::Secret(large_secret());
    record.client_authentication = "client_secret_basic";
    record.revocation_endpoint = "https://as/revoke";
    record.test_endpoint = "https://as/test";
    record.scopes = {"a b", "ü"};
    record.parameters = {{"k", "1"}, {"k", "2"}, {"", "\"quoted\""}};
    record.secret_parameters.emplace_back("sp", core::Secret("sealed \"1\""));
    record.secret_token_headers.emplace_back("X-T", core::Secret("sealed-2"));
    record.secret_callout_headers.emplace_back("X-C", core::Secret("sealed-3"));
    record.audience = "aud";
    record.resources = {"urn:a", "urn:b"};
    record.settings = {{"margin_s", 30}, {"jitter", 0.25}, {"list", {1, 2}}};
    record.config_version = 4;
    record.condition = ProviderCondition::kFailing;
    record.last_error = ProviderError{.error_class = "oauth",
                                      .code = "invalid_client",
                                      .description = "nö",
                                      .status = 401,
                                      .at = kNow};
    record.invalidation_epoch = 9;
    record.token_requests = 11;
    ASSERT_TRUE(store_->add_provider(record.clone(), sample_token()));
    reopen();

    const auto found = store_->provider("crm");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, record.id);
    EXPECT_EQ(found->kind, "zuora");
    EXPECT_FALSE(found->enabled);
    EXPECT_EQ(found->grant_type, "refresh_token");
    EXPECT_TRUE(found->client_secret->equals(*record.client_secret));
    EXPECT_EQ(found->client_authentication, record.client_authentication);
    EXPECT_EQ(found->token_endpoint, record.token_endpoint);
    EXPECT_EQ(found->revocation_endpoint, record.revocation_endpoint);
    EXPECT_EQ(found->test_endpoint, record.test_endpoint);
    EXPECT_EQ(found->scopes, record.scopes);
    EXPECT_EQ(found->parameters, record.parameters);
    EXPECT_TRUE(same(found->secret_parameters, record.secret_parameters));
    EXPECT_TRUE(same(found->secret_token_headers, record.secret_token_headers));
    EXPECT_TRUE(same(found->secret_callout_headers, record.secret_callout_headers));
    EXPECT_EQ(found->secret_parameters.size(), 1U);
    EXPECT_EQ(found->audience, record.audience);
    EXPECT_EQ(found->resources, record.resources);
    EXPECT_EQ(found->settings, record.settings);
    EXPECT_EQ(found->config_version, 4);
    EXPECT_EQ(found->condition, ProviderCondition::kFailing);
    EXPECT_EQ(found->last_error->status, 401);
    EXPECT_EQ(found->last_error->description, "nö");
    EXPECT_EQ(found->last_error->at, kNow);
    EXPECT_EQ(found->invalidation_epoch, 9);
    EXPECT_EQ(found->token_requests, 11);
    EXPECT_EQ(found->created_at, kNow);

    const auto token = store_->token(record.id);
    ASSERT_TRUE(token && *token);
    EXPECT_EQ((*token)->access_token->reveal(), "access-canary");
    EXPECT_EQ((*token)->refresh_token->reveal(), large_secret());
    EXPECT_EQ((*token)->token_type, "bearer");
    EXPECT_THAT((*token)->scopes, ElementsAre("read", "write all"));
    EXPECT_EQ((*token)->generation, 7);
    EXPECT_EQ((*token)->expires_at, kNow + std::chrono::hours(1));
    EXPECT_EQ((*token)->grant_ends_at, kNow + std::chrono::hours(2));
    EXPECT_EQ((*token)->attributes, sample_token().attributes);
}

TEST_P(StoreConformance, KeepsEveryFieldOfANotificationForEachAuthentication) {
    const ProviderRecord provider = given_provider("crm");
    NotificationRecord record = sample_notification("full", provider);
    record.enabled = false;
    record.paused = true;
    record.events = {"a.b", "c.*"};
    record.method = "PUT";
    record.headers = {{"X-A", "1"}, {"X-A", "2"}};
    record.parameters = {{"q", "ä&b"}};
    record.secret_headers.emplace_back("X-S", core::Secret("sealed-4"));
    record.secret_parameters.emplace_back("s", core::Secret("sealed-5"));
    record.content_type = "text/plain";
    record.body_template = "{{ id }}";
    record.signing_secret = core::Secret("whsec_signing-canary");
    record.timeout = std::chrono::milliseconds(1234);
    record.retry = {.schedule = {std::chrono::seconds(5), std::chrono::seconds(300)},
                    .max_age = std::chrono::seconds(86400),
                    .reject = {"4xx", "501"}};
    record.max_in_flight = 20'000;
    record.rate_per_s = 0.5;
    record.success = SuccessField{.pointer = "/ok", .value = "true"};
    given_notification(record.clone());

    auto basic = sample_notification("basic");
    basic.auth = BasicAuth{.username = "user", .password = core::Secret(large_secret())};
    given_notification(std::move(basic));
    auto header = sample_notification("header");
    header.auth = HeaderAuth{.name = "X-Api-Key", .value = core::Secret("")};
    given_notification(std::move(header));
    reopen();

    const auto found = store_->notification("full");
    ASSERT_TRUE(found);
    EXPECT_TRUE(same(found->secret_headers, record.secret_headers));
    EXPECT_TRUE(same(found->secret_parameters, record.secret_parameters));
    EXPECT_EQ(found->secret_parameters.size(), 1U);
    EXPECT_EQ(found->id, record.id);
    EXPECT_FALSE(found->enabled);
    EXPECT_TRUE(found->paused);
    EXPECT_EQ(found->events, record.events);
    EXPECT_EQ(found->method, "PUT");
    EXPECT_EQ(found->url, record.url);
    EXPECT_EQ(found->headers, record.headers);
    EXPECT_EQ(found->parameters, record.parameters);
    EXPECT_EQ(found->content_type, "text/plain");
    EXPECT_EQ(found->body_template, "{{ id }}");
    EXPECT_EQ(found->provider(), provider.id);
    EXPECT_EQ(std::get<OauthAuth>(found->auth).provider_name, "crm");
    EXPECT_TRUE(found->signing_secret->equals(*record.signing_secret));
    EXPECT_EQ(found->timeout, record.timeout);
    EXPECT_EQ(found->retry.schedule, record.retry.schedule);
    EXPECT_EQ(found->retry.max_age, record.retry.max_age);
    EXPECT_EQ(found->retry.reject, record.retry.reject);
    EXPECT_EQ(found->max_in_flight, 20'000);
    EXPECT_EQ(found->rate_per_s, 0.5);
    EXPECT_EQ(found->success->pointer, "/ok");
    EXPECT_EQ(found->success->value, "true");

    const auto all = store_->notifications();
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 3U);
    EXPECT_EQ(std::get<BasicAuth>((*all)[0].auth).username, "user");
    EXPECT_EQ(std::get<BasicAuth>((*all)[0].auth).password.reveal(), large_secret());
    EXPECT_EQ(std::get<HeaderAuth>((*all)[2].auth).name, "X-Api-Key");
    EXPECT_TRUE(std::get<HeaderAuth>((*all)[2].auth).value.empty());
}

KeyPair sample_key_pair() {
    return {.id_header = "X-Id",
            .secret_header = "X-Secret",
            .id = core::Secret("canary-key-id \"\\"),
            .secret = core::Secret("canary-key-secret:+/")};
}

void expect_same(const KeyPair& found) {
    EXPECT_EQ(found.id_header, "X-Id");
    EXPECT_EQ(found.secret_header, "X-Secret");
    EXPECT_EQ(found.id.reveal(), "canary-key-id \"\\");
    EXPECT_EQ(found.secret.reveal(), "canary-key-secret:+/");
}

std::string bytes_of(const std::filesystem::path& directory) {
    std::string bytes;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        std::ifstream file(entry.path(), std::ios::binary);
        bytes.append(std::istreambuf_iterator<char>(file), {});
    }
    return bytes;
}

TEST_P(StoreConformance, KeepsEveryFieldOfAuthenticationsWithAKeyPairAndSealsTheirSecrets) {
    auto pair = sample_notification("pair");
    pair.auth = KeyPairAuth{.key = sample_key_pair(), .entity_id = "e-id", .entity_name = "e name"};
    given_notification(std::move(pair));
    auto session = sample_notification("session");
    session.auth = SessionCookieAuth{.key = sample_key_pair(),
                                     .login_url = "https://a.example/login",
                                     .session_timeout = std::chrono::seconds(77)};
    given_notification(std::move(session));
    auto single = sample_notification("single");
    single.auth = SingleUseTokenAuth{.key = sample_key_pair(),
                                     .signature_url = "https://a.example/sign",
                                     .method = "PUT",
                                     .body_template = R"({"a":"{{ data.a }}"})",
                                     .token_pointer = "/t",
                                     .signature_pointer = "/s~1",
                                     .token_header = "X-T",
                                     .signature_header = "X-S"};
    given_notification(std::move(single));
    auto bare = sample_notification("bare");
    bare.auth = SingleUseTokenAuth{.key = sample_key_pair(), .signature_url = "https://a/"};
    given_notification(std::move(bare));
    reopen();

    const auto found_pair = store_->notification("pair");
    const auto& key_pair = std::get<KeyPairAuth>(found_pair->auth);
    expect_same(key_pair.key);
    EXPECT_EQ(key_pair.entity_id, "e-id");
    EXPECT_EQ(key_pair.entity_name, "e name");
    const auto found_session = store_->notification("session");
    const auto& cookie = std::get<SessionCookieAuth>(found_session->auth);
    expect_same(cookie.key);
    EXPECT_EQ(cookie.login_url, "https://a.example/login");
    EXPECT_EQ(cookie.session_timeout, std::chrono::seconds(77));
    const auto found_single = store_->notification("single");
    const auto& token = std::get<SingleUseTokenAuth>(found_single->auth);
    expect_same(token.key);
    EXPECT_EQ(token.signature_url, "https://a.example/sign");
    EXPECT_EQ(token.method, "PUT");
    EXPECT_EQ(token.body_template, R"({"a":"{{ data.a }}"})");
    EXPECT_EQ(token.token_pointer, "/t");
    EXPECT_EQ(token.signature_pointer, "/s~1");
    EXPECT_EQ(token.token_header, "X-T");
    EXPECT_EQ(token.signature_header, "X-S");
    const auto found_bare = store_->notification("bare");
    EXPECT_EQ(std::get<SingleUseTokenAuth>(found_bare->auth).body_template, std::nullopt);

    const std::string bytes = bytes_of(directory_.path());
    EXPECT_NE(bytes.find("https://a.example/login"), std::string::npos);
    for (const std::string secret : {"canary-key-id", "canary-key-secret"}) {
        EXPECT_EQ(bytes.find(secret), std::string::npos);
        EXPECT_EQ(bytes.find(core::hex_encode(secret)), std::string::npos);
        EXPECT_EQ(bytes.find(core::base64_encode(secret).substr(0, 12)), std::string::npos);
    }
}

TEST_P(StoreConformance, KeepsTheEntityOfAnOauthAuthentication) {
    const ProviderRecord provider = given_provider("crm");
    auto record = sample_notification("n", provider);
    std::get<OauthAuth>(record.auth).entity = "11e643f4-a3ee-8bad-b061-0025904c756d";
    given_notification(std::move(record));
    reopen();
    EXPECT_EQ(std::get<OauthAuth>(store_->notification("n")->auth).entity,
              "11e643f4-a3ee-8bad-b061-0025904c756d");
    ASSERT_TRUE(store_->edit_notification("n", [](NotificationRecord& edited) -> core::Result<> {
        std::get<OauthAuth>(edited.auth).entity.reset();
        return {};
    }));
    EXPECT_EQ(std::get<OauthAuth>(store_->notification("n")->auth).entity, std::nullopt);
}

TEST_P(StoreConformance, RefusesATakenNameAndAMissingOne) {
    given_provider("crm");
    EXPECT_EQ(store_->add_provider(sample_provider("crm"), std::nullopt).error().code,
              "provider_exists");
    given_notification(sample_notification("n"));
    EXPECT_EQ(store_->add_notification(sample_notification("n")).error().code,
              "notification_exists");
    EXPECT_EQ(store_->provider("nobody").error().code, "not_found");
    EXPECT_EQ(store_->notification("nobody").error().kind, core::ErrorKind::kNotFound);
    EXPECT_EQ(store_->delete_provider("nobody").error().code, "not_found");
    EXPECT_EQ(store_->delete_notification("nobody", true).error().code, "not_found");
    EXPECT_EQ(
        store_->add_notification(sample_notification("m", sample_provider("ghost"))).error().code,
        "not_found");
}

TEST_P(StoreConformance, TreatsInjectionStringsAsNames) {
    given_provider("crm");
    for (const std::string text :
         {"' OR 1=1 --", "crm'; DROP TABLE provider; --", "%", "_rm", "cr\\m"}) {
        EXPECT_EQ(store_->provider(text).error().code, "not_found") << text;
        EXPECT_EQ(store_->delete_provider(text).error().code, "not_found") << text;
    }
    EXPECT_EQ(store_->providers()->size(), 1U);
}

TEST_P(StoreConformance, EditChangesInOneStepAndARefusedEditChangesNothing) {
    given_provider("crm");
    const auto before = store_->catalogue_version();
    const auto edited =
        store_->edit_provider("crm", [](Store::ProviderEdit& edit) -> core::Result<> {
            edit.record.client_id = "other";
            edit.record.name = "renamed";
            return {};
        });
    ASSERT_TRUE(edited);
    EXPECT_EQ(edited->name, "crm");
    EXPECT_EQ(store_->provider("crm")->client_id, "other");
    EXPECT_TRUE(store_->provider("crm")->client_secret);
    EXPECT_GT(store_->catalogue_version(), before);

    const auto version = store_->catalogue_version();
    const auto refused =
        store_->edit_provider("crm", [](Store::ProviderEdit& edit) -> core::Result<> {
            edit.record.client_id = "third";
            return core::invalid_argument("client_id", "no");
        });
    EXPECT_EQ(refused.error().code, "invalid_argument");
    EXPECT_EQ(store_->provider("crm")->client_id, "other");
    EXPECT_EQ(store_->catalogue_version(), version);
}

TEST_P(StoreConformance, TellsWhichNotificationsChangedSinceAVersion) {
    const auto changed = [&](std::int64_t since) {
        return store_->notifications_changed_since(since).value();
    };
    using Ids = std::vector<core::NotificationId>;
    const auto first = sample_notification("first");
    const auto second = sample_notification("second");
    const auto start = store_->catalogue_version();
    EXPECT_EQ(changed(start), Ids{});
    ASSERT_TRUE(store_->add_notification(first.clone()));
    EXPECT_EQ(changed(start), Ids{first.id});
    EXPECT_EQ(store_->notification(first.id)->name, "first");
    const auto added = store_->catalogue_version();
    EXPECT_EQ(changed(added), Ids{});
    ASSERT_TRUE(store_->add_notification(second.clone()));
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(store_->edit_notification("second", [](NotificationRecord& record) {
            record.paused = !record.paused;
            return core::Result<>();
        }));
    }
    EXPECT_EQ(changed(added), Ids{second.id}) << "each once";
    const auto refused = store_->edit_notification(
        "first",
        [](NotificationRecord&) -> core::Result<> { return core::invalid_argument("url", "no"); });
    ASSERT_FALSE(refused);
    given_provider("crm");
    EXPECT_EQ(changed(added), Ids{second.id}) << "neither a refused edit nor a provider";
    ASSERT_TRUE(store_->delete_notification("first", false));
    EXPECT_EQ(changed(added).size(), 2U);
    EXPECT_EQ(store_->notification(first.id).error().code, "not_found");
    EXPECT_EQ(store_->notifications_changed_since(0), std::nullopt) << "before it was opened";
}

TEST_P(StoreConformance, DroppingATokenKeepsAnUnchangedRefreshTokenAndMovesTheEpoch) {
    ProviderRecord record = sample_provider("crm");
    ASSERT_TRUE(store_->add_provider(record.clone(), sample_token()));
    const auto drop = [](Store::ProviderEdit& edit) -> core::Result<> {
        edit.drop_token = true;
        return {};
    };
    EXPECT_EQ(store_->edit_provider("crm", drop)->invalidation_epoch, 1);
    auto token = store_->token(record.id);
    ASSERT_TRUE(token && *token);
    EXPECT_FALSE((*token)->access_token);
    EXPECT_EQ((*token)->refresh_token->reveal(), large_secret());

    const auto drop_all = [](Store::ProviderEdit& edit) -> core::Result<> {
        edit.drop_token = true;
        edit.token.reset();
        return {};
    };
    EXPECT_EQ(store_->edit_provider("crm", drop_all)->invalidation_epoch, 2);
    EXPECT_FALSE(store_->token(record.id)->has_value());
}

core::Result<> save(Store& store, TokenFence fence, std::optional<TokenRecord> token) {
    return core::wait_done<void>([&](core::Done<> done) {
        TokenOutcome outcome{.fence = fence, .token = std::move(token), .requests = 2};
        store.save_token_outcome(std::move(outcome), std::move(done));
    });
}

core::Result<bool> note(Store& store, TokenFence fence, const std::string& fingerprint) {
    return core::wait_done<bool>([&](core::Done<bool> done) {
        store.note_refresh_started(fence, fingerprint, std::move(done));
    });
}

core::Result<> learn(Store& store, core::ProviderId id, std::int64_t config_version) {
    return core::wait_done<void>([&](core::Done<> done) {
        store.save_metadata(id, config_version, {{"issuer", "https://id.example"}},
                            std::move(done));
    });
}

core::Result<bool> rotate(Store& store, core::ProviderId id, std::string_view presented) {
    return core::wait_done<bool>([&](core::Done<bool> done) {
        store.replace_refresh_token(id, core::Secret(presented), core::Secret("successor"),
                                    std::move(done));
    });
}

TEST_P(StoreConformance, MetadataIsSavedForTheConfigurationThatLearnedItOnly) {
    const ProviderRecord record = given_provider("crm");
    ASSERT_TRUE(learn(*store_, record.id, 1));
    EXPECT_EQ(store_->provider("crm")->metadata.at("issuer"), "https://id.example");
    ASSERT_TRUE(store_->edit_provider("crm", [](Store::ProviderEdit& edit) -> core::Result<> {
        ++edit.record.config_version;
        edit.record.metadata.clear();
        return {};
    }));
    EXPECT_EQ(learn(*store_, record.id, 1).error().kind, core::ErrorKind::kConflict);
    EXPECT_TRUE(store_->provider("crm")->metadata.empty());
    ASSERT_TRUE(learn(*store_, record.id, 2));
}

TEST_P(StoreConformance, ARefreshTokenGivesWayToTheOneThatWasGivenForIt) {
    const ProviderRecord record = given_provider("crm");
    TokenFence fence{.provider = record.id, .config_version = 1, .invalidation_epoch = 0};
    ASSERT_TRUE(save(*store_, fence, sample_token()));
    EXPECT_FALSE(rotate(*store_, record.id, "another").value());
    EXPECT_FALSE(*note(*store_, fence, "f"));
    ASSERT_TRUE(store_->edit_provider("crm", [](Store::ProviderEdit& edit) -> core::Result<> {
        ++edit.record.config_version;
        edit.drop_token = true;
        return {};
    }));
    const std::string presented((*store_->token(record.id))->refresh_token->reveal());
    EXPECT_TRUE(rotate(*store_, record.id, presented).value());
    const auto token = store_->token(record.id);
    EXPECT_EQ((*token)->refresh_token->reveal(), "successor");
    EXPECT_FALSE((*token)->access_token) << "what the edit dropped stays dropped";
    fence.config_version = 2;
    fence.invalidation_epoch = 1;
    EXPECT_FALSE(*note(*store_, fence, "f")) << "the note of the exchange is over";
    EXPECT_FALSE(rotate(*store_, record.id, presented).value()) << "once";
}

TEST_P(StoreConformance, SavesATokenOnlyBehindItsFence) {
    const ProviderRecord record = given_provider("crm");
    TokenFence fence{.provider = record.id, .config_version = 1, .invalidation_epoch = 0};
    ASSERT_TRUE(save(*store_, fence, sample_token()));
    EXPECT_EQ((*store_->token(record.id))->generation, 7);
    EXPECT_EQ(store_->provider("crm")->token_requests, 2);
    ASSERT_TRUE(save(*store_, fence, std::nullopt));
    EXPECT_TRUE(store_->token(record.id)->has_value());

    fence.config_version = 2;
    EXPECT_EQ(save(*store_, fence, sample_token()).error().kind, core::ErrorKind::kConflict);
    fence = {.provider = record.id, .config_version = 1, .invalidation_epoch = 1};
    EXPECT_EQ(save(*store_, fence, sample_token()).error().kind, core::ErrorKind::kConflict);
    fence.provider = new_id<core::ProviderId>();
    EXPECT_EQ(save(*store_, fence, sample_token()).error().code, "not_found");
    EXPECT_EQ(store_->provider("crm")->token_requests, 4);
}

TEST_P(StoreConformance, RemembersAcrossARestartThatARefreshWasStarted) {
    const ProviderRecord record = given_provider("crm");
    const TokenFence fence{.provider = record.id, .config_version = 1, .invalidation_epoch = 0};
    EXPECT_FALSE(note(*store_, fence, "1a2b3c4d").value());
    reopen();
    EXPECT_TRUE(note(*store_, fence, "1a2b3c4d").value());
    EXPECT_FALSE(note(*store_, fence, "ffffffff").value());
    ASSERT_TRUE(save(*store_, fence, sample_token()));
    EXPECT_FALSE(note(*store_, fence, "ffffffff").value());
}

TEST_P(StoreConformance, RevocationDropsTheTokenAndQueuesWhatIsLeftToRevoke) {
    ProviderRecord record = sample_provider("crm");
    ASSERT_TRUE(store_->add_provider(record.clone(), sample_token()));
    const auto pending = [&] {
        PendingRevocation one;
        one.provider = record.id;
        one.token = core::Secret("revoke-canary");
        one.token_type_hint = "refresh_token";
        one.next_try_at = kNow;
        one.give_up_at = kNow + std::chrono::hours(24);
        one.issued_by = "https://login.example/token";
        return one;
    };
    const auto epoch = core::wait_done<std::int64_t>([&](core::Done<std::int64_t> done) {
        std::vector<PendingRevocation> list;
        list.push_back(pending());
        store_->revoke_token(record.id, std::move(list), std::move(done));
    });
    EXPECT_EQ(epoch.value(), 1);
    EXPECT_FALSE(store_->token(record.id)->has_value());
    EXPECT_EQ(store_->provider("crm")->condition, ProviderCondition::kRevoked);
    ASSERT_TRUE(core::wait_done<void>(
        [&](core::Done<> done) { store_->queue_revocation(pending(), std::move(done)); }));
    reopen();

    auto waiting = store_->pending_revocations();
    ASSERT_TRUE(waiting);
    ASSERT_EQ(waiting->size(), 2U);
    EXPECT_EQ((*waiting)[0].token.reveal(), "revoke-canary");
    EXPECT_EQ((*waiting)[0].token_type_hint, "refresh_token");
    EXPECT_EQ((*waiting)[0].give_up_at, kNow + std::chrono::hours(24));
    EXPECT_EQ((*waiting)[0].issued_by, "https://login.example/token");

    const auto finish = [&](std::int64_t id, std::optional<core::StoredTime> next) {
        return core::wait_done<void>(
            [&](core::Done<> done) { store_->finish_revocation(id, next, std::move(done)); });
    };
    ASSERT_TRUE(finish((*waiting)[0].id, kNow + std::chrono::minutes(5)));
    ASSERT_TRUE(finish((*waiting)[1].id, std::nullopt));
    waiting = store_->pending_revocations();
    ASSERT_EQ(waiting->size(), 1U);
    EXPECT_EQ((*waiting)[0].next_try_at, kNow + std::chrono::minutes(5));
    ASSERT_TRUE(store_->delete_provider("crm"));
    EXPECT_TRUE(store_->pending_revocations()->empty());
}

TEST_P(StoreConformance, DeletionOfAProviderIsBlockedByNotificationsAndUnfinishedCalloutsOnly) {
    const ProviderRecord provider = given_provider("crm");
    const auto notification = given_notification(sample_notification("n", provider));
    EXPECT_THAT(store_->provider_users(provider.id).value(), ElementsAre("n"));
    const auto callout = given_callout(notification);
    auto refused = store_->delete_provider("crm");
    EXPECT_EQ(refused.error().code, "provider_in_use");
    EXPECT_EQ(refused.error().details.at("notifications").as_array().at(0), "n");
    EXPECT_EQ(refused.error().details.at("unfinished_callouts"), 1);

    ASSERT_TRUE(store_->cancel_callout(callout));
    EXPECT_EQ(store_->delete_provider("crm").error().details.at("unfinished_callouts"), 0);
    ASSERT_TRUE(store_->delete_notification("n", false));
    ASSERT_TRUE(store_->delete_provider("crm"));
    EXPECT_EQ(store_->callout(callout)->provider_name, "crm");
}

TEST_P(StoreConformance, PendingCalloutsFollowTheirNotificationToAnotherProvider) {
    const ProviderRecord first = given_provider("first");
    const ProviderRecord second = given_provider("second");
    const auto notification = given_notification(sample_notification("n", first));
    const auto waiting = given_callout(notification);
    const auto flying = given_callout(notification, true);
    ASSERT_TRUE(store_->edit_notification("n", [&](NotificationRecord& record) -> core::Result<> {
        record.auth = OauthAuth{.provider = second.id, .provider_name = {}};
        return {};
    }));
    EXPECT_EQ(store_->callout(waiting)->provider_name, "second");
    EXPECT_EQ(store_->callout(flying)->provider_name, "first");
    EXPECT_EQ(store_->delete_provider("first").error().details.at("unfinished_callouts"), 1);

    // Given back, it is bound to today's provider, and the old one is free.
    ASSERT_TRUE(update(*store_, {{.id = flying, .notification = {}, .due_at = kNow}}));
    EXPECT_EQ(store_->callout(flying)->provider_name, "second");
    EXPECT_TRUE(store_->delete_provider("first"));
    EXPECT_EQ(store_->delete_provider("second").error().details.at("unfinished_callouts"), 2);
}

TEST_P(StoreConformance, DeletingANotificationCancelsPendingCalloutsOnlyOnRequest) {
    const auto notification = given_notification(sample_notification("n"));
    const auto pending = given_callouts(notification, 1200);
    const auto flying = given_callout(notification, true);

    const auto refused = store_->delete_notification("n", false);
    EXPECT_EQ(refused.error().code, "notification_in_use");
    EXPECT_EQ(refused.error().details.at("unfinished_callouts"), 1201);
    const auto in_flight = store_->delete_notification("n", true);
    EXPECT_EQ(in_flight.error().code, "notification_in_use");
    EXPECT_EQ(in_flight.error().details.at("unfinished_callouts"), 1);
    EXPECT_EQ(store_->callout(pending.back())->state, CalloutState::kCancelled);

    ASSERT_TRUE(record(
        *store_, {sample_attempt(flying, 1)},
        {.id = flying, .notification = {}, .state = CalloutState::kDelivered, .attempts = 1}));
    ASSERT_TRUE(store_->delete_notification("n", true));
    EXPECT_EQ(store_->callout(flying)->notification_name, "n");
    EXPECT_EQ(store_->callout(flying)->notification, notification.id);
    EXPECT_EQ(store_->retry_callout(pending[0], kNow).error().code, "not_found");
    const auto counts = store_->counts();
    ASSERT_EQ(counts->notifications.size(), 1U);
    EXPECT_EQ(counts->notifications[0].name, "");
    EXPECT_EQ(counts->notifications[0].cancelled, 1200);
    EXPECT_EQ(counts->notifications[0].delivered, 1);
}

TEST_P(StoreConformance, KeepsItsFilesFromOtherPeople) {
    given_provider("crm");
    for (const char* suffix : {"", "-wal", "-shm", ".key"}) {
        struct stat status{};
        ASSERT_EQ(::stat((path().string() + suffix).c_str(), &status), 0) << suffix;
        EXPECT_EQ(status.st_mode & 0777U, 0600U) << suffix;
    }
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformance, ::testing::Bool(), name_of_mode);

}  // namespace
}  // namespace herald::storage
