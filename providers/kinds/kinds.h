#pragma once

#include "providers/kind.h"

/// The profiles there are, each in the file of its name; builtin.cpp lists them.
namespace herald::providers {

extern const Kind kGeneric;
extern const Kind kZuora;
extern const Kind kSalesforce;
extern const Kind kEntra;
extern const Kind kGoogle;
extern const Kind kOkta;
extern const Kind kAuth0;
extern const Kind kKeycloak;
extern const Kind kGithubApp;
extern const Kind kServicenow;
extern const Kind kDocusign;
extern const Kind kNetsuite;
extern const Kind kPaypal;

}  // namespace herald::providers
