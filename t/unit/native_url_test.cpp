#include "scheme/native_url.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace webhook {
namespace {

TEST(NativeUrl, HubspotDecodesTwelveCharacters) {
    EXPECT_EQ("https://host/:/?@!$'()*,;",
              hubspot_url("https://host/%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B"));
    EXPECT_EQ(":/?*,;", hubspot_url("%3a%2f%3f%2a%2c%3b"));
}

TEST(NativeUrl, HubspotKeepsTheRest) {
    for (const char* url :
         {"https://host/a?b=c+d&e#f", "%20%25%22%23%26%2B%2D%2E%3C%3D%3E%5B%5D%00%7E%41%C3%A9", "%",
          "%3", "%%3", "a%", "%3G", "%G3", "\xc3\xa9", "%253", ""}) {
        EXPECT_EQ(url, hubspot_url(url));
    }
    EXPECT_EQ("%253A", hubspot_url("%253A"));
    EXPECT_EQ("%:", hubspot_url("%%3A"));
}

TEST(NativeUrl, HubspotDecodesNothingOfTheHost) {
    EXPECT_EQ("http://a%2Ftenant/hs?b=/", hubspot_url("http://a%2Ftenant/hs?b=%2F"));
    EXPECT_EQ("/hs?b=/", hubspot_url("/hs?b=%2F"));
}

TEST(NativeUrl, APathMayHideAQuery) {
    for (const char* url : {"http://a/b%3Fc", "http://a/b%3fc", "/b%3Fc?d"}) {
        EXPECT_TRUE(hides_query(url)) << url;
    }
    for (const char* url : {"http://a/b", "/b?c=%3F", "/b%40%3", "/b%253F", "", "/b%2Fc"}) {
        EXPECT_FALSE(hides_query(url)) << url;
    }
}

struct Hashed {
    std::string method;
    std::string url;
    std::string base_path;
    std::string hash;
};

// Computed by atlassian-jwt 2.0.3 (npm).
const std::vector<Hashed> kAtlassianHashes{
    {"GET", "https://app.example/", "",
     "c88caad15a1c1a900b8ac08aa9686f4e8184539bea1deda36e2f649430df3239"},
    {"get", "https://app.example", "",
     "c88caad15a1c1a900b8ac08aa9686f4e8184539bea1deda36e2f649430df3239"},
    {"Post", "https://app.example/path", "",
     "2bdb1bb5952bc5408bc1e190bc1e39b1fbb4baf327b5c6aacf088a89a87891a0"},
    {"POST", "https://app.example/path/", "",
     "2bdb1bb5952bc5408bc1e190bc1e39b1fbb4baf327b5c6aacf088a89a87891a0"},
    {"POST", "https://app.example/path//", "",
     "c97cd23b2b5844c191339d4027773617bd3b89c7d335c12aa61d85967d7fc607"},
    {"POST", "https://app.example//path", "",
     "a7821f626f9aac25fec75fc1dbcd5c24762df09e17ac5b80f8635cfe81e860fb"},
    {"GET", "https://app.example//", "",
     "c88caad15a1c1a900b8ac08aa9686f4e8184539bea1deda36e2f649430df3239"},
    {"GET", "https://app.example?a=1", "",
     "242569ddcfa3011ea5a0722d473169ea29cc3e16d4ac9571d3243b508ebe2a8b"},
    {"GET", "https://app.example/?a=1", "",
     "242569ddcfa3011ea5a0722d473169ea29cc3e16d4ac9571d3243b508ebe2a8b"},
    {"GET", "https://app.example/p?", "",
     "e030e335214d9fa26bc54ea460ca18f9e8bd5484997034993526a036119aaeb4"},
    {"GET", "https://app.example/p?#x?a=1", "",
     "e030e335214d9fa26bc54ea460ca18f9e8bd5484997034993526a036119aaeb4"},
    {"GET", "https://app.example/p#x?a=1", "",
     "e030e335214d9fa26bc54ea460ca18f9e8bd5484997034993526a036119aaeb4"},
    {"GET", "https://app.example/p?a=1#b=2", "",
     "64e04d78f40e874dd4283984beea32419946f690c75e53f2162ce01ca91b63c4"},
    {"POST", "https://app.example/a&b?c=d", "",
     "23ff7c08c24706489373617281fc15dc6f6e7248edb56f70255ab39153a9c848"},
    {"POST", "https://app.example/a?b&c=d", "",
     "64f50249d438037a5b795b839aa9f6e05816541ee315142889c4d21613ce6d34"},
    {"POST", "https://app.example/a&b&c/", "",
     "caede6df2a5b63fd3aec2cffcf9a0b60226c2b1812dfcf005b7e21aea9c7d72d"},
    {"GET", "https://app.example/a%20b/c%2Fd?x=y", "",
     "9f517261d3b34c1b7d7ac2c77a619f0b2245fbea84c1ffb1dbbff1ec9bc7be72"},
    {"GET", "https://app.example/a+b?x=a+b", "",
     "5aab48e35acf288dff08ed2f862083cbc164d0a176657e2b0046ecdc623cfb6c"},
    {"GET", "https://app.example/p?x=a%20b", "",
     "f72e351496d55edc4d017fadbb8718b1d1ef043c5450c9080960b391256e4dea"},
    {"GET", "https://app.example/p?x=a%2Bb", "",
     "56eaabd2f0caef6072f39e924389899992f8ba9183480c5eac4e3007772c2248"},
    {"GET", "https://app.example/p?b=1&a=2", "",
     "67810142052054ca40b455461428c7b97d0d84b203682f631bfd6024acba4394"},
    {"GET", "https://app.example/p?a=2&a=1&a=10", "",
     "9725faf4cba19fa4be23573c7b107a214637e17243e82b5d938c90ad7053d961"},
    {"GET", "https://app.example/p?a=b,c&a=a", "",
     "616692d23cd2bc1aee0c9410d4c483c4c2c9eba4b983a3a0bc74de42f957e781"},
    {"GET", "https://app.example/p?a=1&A=2&a10=3&a1=4&aa=5&_=6&-=7", "",
     "bacf4fa93c7d2667bed537579a9231359045c93d97c561e575b3a8ff3b3b700e"},
    {"GET", "https://app.example/p?jwt=abc&a=1", "",
     "64e04d78f40e874dd4283984beea32419946f690c75e53f2162ce01ca91b63c4"},
    {"GET", "https://app.example/p?a=1&jwt=x&jwt=y", "",
     "64e04d78f40e874dd4283984beea32419946f690c75e53f2162ce01ca91b63c4"},
    {"GET", "https://app.example/p?JWT=abc", "",
     "dc3b686e7c981a992daaa69a6f1aca019ef35a72e1a709a345f88e9923ccb17b"},
    {"GET", "https://app.example/p?jwt", "",
     "e030e335214d9fa26bc54ea460ca18f9e8bd5484997034993526a036119aaeb4"},
    {"GET", "https://app.example/p?j%77t=abc&a=1", "",
     "64e04d78f40e874dd4283984beea32419946f690c75e53f2162ce01ca91b63c4"},
    {"GET", "https://app.example/p?jwt2=1", "",
     "43b7bfd84915a96090141bfb5e5ece942c8863d20121e198baced26328b690c8"},
    {"GET", "https://app.example/p?a", "",
     "99d754b01a84a90fecf813fec64179b40c41ed6e6127cd373640facec04af2e6"},
    {"GET", "https://app.example/p?a=", "",
     "99d754b01a84a90fecf813fec64179b40c41ed6e6127cd373640facec04af2e6"},
    {"GET", "https://app.example/p?=a", "",
     "b65d6f6f6c0667ec02fd59b50b908bdcc54b97896bbf11433ff53ae632fadf23"},
    {"GET", "https://app.example/p?=", "",
     "6c233c84baa9de7730b3f4cecd5dcf39411f65f20d8009389b84192df8b31f7c"},
    {"GET", "https://app.example/p?a&a", "",
     "24cf7b3a7797f24068c7b5519503da73ca8eb55f1e135e2d87da89be71ab62f7"},
    {"GET", "https://app.example/p?a=1&&b=2&", "",
     "f9e03cf119007517dbe3e9c92c5b1484d1ab35648b316667f9e31a1d4dad3990"},
    {"GET", "https://app.example/p?&", "",
     "e030e335214d9fa26bc54ea460ca18f9e8bd5484997034993526a036119aaeb4"},
    {"GET", "https://app.example/p?a=b=c", "",
     "e68624816a17b5bd76b4bb6cee13770f3d0832ea69a31fdd9de7203edf0a1ffb"},
    {"GET", "https://app.example/p?x=-._~!*'()%27%2A", "",
     "0cef8afab71142daa4d824c99b48f199f346c8263646ad446e3ff4c6498ee311"},
    {"GET", "https://app.example/p?x=;,/?:@$[]{}|^`<>\"\\", "",
     "036016453b768c14c066711d34e65f96669d7c3dc820206989ae0a9bfa259307"},
    {"GET", "https://app.example/p?%26=%3D&%3D=%26", "",
     "30a7bec446503bed0bf0615a38f26580fa41678a133acd1f725a3b759579f062"},
    {"GET", "https://app.example/p?x=%23%25", "",
     "769cc15c12c29ec7d1dbf158623631a1800179efe42fc7f6cedcc1b140a46f72"},
    {"GET", "https://app.example/p?n=%C3%A9&%E2%82%AC=%F0%9F%98%80", "",
     "769afe4b06ebff0f2a396db6a213df8298871fb5d29dfa7f718167ad790f7f8d"},
    {"GET", "https://app.example/p?x=\303\251", "",
     "da6e9cc9a80a551193f55f81834d9d24070fdb4f79c3c1110aecf75429aeee10"},
    {"GET", "https://app.example/p?a=%c3%a9", "",
     "9445298752fb402c2711aecea7b69ddc1a91170f21ad4368ae9ef44c6a3df48e"},
    {"GET", "https://app.example/p?x=%00%0a", "",
     "72f6e9583fbb1c811bed01c9c43244a84e620d9032a7ec74f1dd399ca76351ef"},
    {"GET", "https://app.example/p?a=Z&a=a&a=_&a=~", "",
     "453e84db0a54074fd2d5879761c19caebe7a2cd04d4b7ab7db94c4978d4cac8c"},
    {"GET", "https://app.example/p?a%5B%5D=2&a%5B%5D=1", "",
     "52b747f276a1aa7192d6d189b4074aac91679193914dbce0a9d8bc5d521aa3b6"},
    {"GET", "https://app.example/p?a[b]=1&ab=2", "",
     "e684d0fd115cc4f7797ca0932f5112d8105f5f93f867925da523cbd79372c490"},
    {"GET", "https://app.example/p?a%20=1&a=2", "",
     "d03cc6ba3f3ec40c6f6a694f976d2157e51e0caf0fc18236ce70d1c2501df34b"},
    {"GET", "https://app.example/p?constructor=1&toString=2&length=3", "",
     "f0bc10823c2052347876d51bb8007b685824c11604219611ebb94bfdb22f61cc"},
    {"POST", "https://app.example/connect/hook", "/connect",
     "7c68a95ae565874370690548bfbd92b2c63843300c89f8a8a6e959f64c9e5f95"},
    {"POST", "https://app.example/connect", "/connect",
     "6dfb58321692d08d44565d1331846fc24e7dc08b33259d262f4eff79b21d8e05"},
    {"POST", "https://app.example/connect/", "/connect",
     "6dfb58321692d08d44565d1331846fc24e7dc08b33259d262f4eff79b21d8e05"},
    {"POST", "https://app.example/connect/a/?b=c", "/connect",
     "916639c5a714c9e97f6e0c5f699493f94ea278ab8243488f5f36f977cb8571a2"},
    {"POST", "https://app.example/connect/hook", "/connect/",
     "7c68a95ae565874370690548bfbd92b2c63843300c89f8a8a6e959f64c9e5f95"},
    {"POST", "https://app.example/hook", "/connect",
     "7c68a95ae565874370690548bfbd92b2c63843300c89f8a8a6e959f64c9e5f95"},
    {"POST", "https://app.example/a/connect/hook", "/connect",
     "e80600cc5964d7f71ac12cef459c28e64bfbc20bbddf0ca4f3d7ededc975b59b"},
    {"POST", "https://app.example/connect/connect/x", "/connect",
     "1b8a396892fcce970910f4858a958860a51d120990918fe994019d068fecb51b"},
    {"POST", "https://app.example/a&b/c&d", "/a&b",
     "ed4fb9f924d597c741cd65355858ef3a6ba2b47bdcd84ba9bdec09fb2fc30532"},
    {"POST", "https://app.example/x", "/",
     "df4acea464ee12808f669416a9d8f656ec9e53824fd74fea01b0236e4e72857a"},
    {"GET",
     "https://app.example/rest/api/2/"
     "issue?expand=names&fields=summary,status&jql=project%20%3D%20%22A%26B%22&lic=active&tz="
     "Europe%2FMoscow&xdm_e=http%3A%2F%2Flocalhost%3A2990",
     "", "f840ec17d53f91b1193a8541ab3d2eefff4eb579557a774afdc506f69a313bf3"},
    {"GET", "https://app.example/a'b?q=1", "",
     "a596a4e02be041bd7b4cabc296bdee95553dcbe8f3593fa47e3c48df149fb33b"},
    {"GET", "https://app.example/a{b}|c`d?q=1", "",
     "ac334dc007bd7882a4acac392e77ef7c76d03a38ae0cc797c4865b3dbe3ddebe"},
    {"GET", "https://app.example/a\"b<c>^?q=1", "",
     "daf914e83b60208f47834acb3f51372f59b96d5c234e674b05c22f9d14048458"},
    {"GET", "https://app.example/a;b,c=d@e:f!$*()?q=1", "",
     "f03a757ab37bcf4ea045ce83610c5911db91f3c94ea0be0ca6674f70590600f3"},
    {"GET", "http://user:pw@app.example:8080/p?a=1", "",
     "64e04d78f40e874dd4283984beea32419946f690c75e53f2162ce01ca91b63c4"},
    {"GET", "https://[::1]:8443/p?a=1", "",
     "64e04d78f40e874dd4283984beea32419946f690c75e53f2162ce01ca91b63c4"},
};

TEST(NativeUrl, QueryStringHashIsThatOfAtlassian) {
    for (const auto& [method, url, base_path, hash] : kAtlassianHashes) {
        EXPECT_EQ(hash, atlassian_qsh(method, url, base_path)) << method << ' ' << url;
    }
}

TEST(NativeUrl, QueryStringHashOfATarget) {
    EXPECT_EQ(atlassian_qsh("GET", "https://host/p?a=1", "").value(),
              atlassian_qsh("GET", "/p?a=1", ""));
}

TEST(NativeUrl, BasePathEndsWhereASegmentEnds) {
    const auto hash = [](std::string_view path, std::string_view base_path) {
        return atlassian_qsh("GET", path, base_path).value();
    };
    EXPECT_EQ(hash("/connected/x", ""), hash("/connected/x", "/connect"));
    EXPECT_EQ(hash("/ed/x", ""), hash("/connect/ed/x", "/connect"));
    EXPECT_NE(hash("/ed/x", ""), hash("/connected/x", "/connect"));
}

TEST(NativeUrl, EveryPartOfTheRequestIsHashed) {
    const auto hash = atlassian_qsh("GET", "https://host/p?a=1&b=2", "").value();
    for (const char* url :
         {"https://host/q?a=1&b=2", "https://host/p?a=1", "https://host/p?a=1&b=3",
          "https://host/p?a=1&c=2", "https://host/p?a=1%26b=2", "https://host/p&a=1?b=2",
          "https://host/p?a=1&b=2&b=2", "https://host/p?a=1&b=2&jwT=2", "https://host/p?a=1,b=2",
          "https://host/p?a=1&b=2&__proto__=3"}) {
        EXPECT_NE(hash, atlassian_qsh("GET", url, "")) << url;
    }
    EXPECT_NE(hash, atlassian_qsh("POST", "https://host/p?a=1&b=2", ""));
}

TEST(NativeUrl, QueryThatDoesNotDecodeHasNoHash) {
    for (const char* url : {"/p?a=%", "/p?a=%4", "/p?%zz=1", "/p?a=%FF", "/p?%C3=1", "/p?a=\xff",
                            "/p?a=%ED%A0%80", "/p?a=%C0%80"}) {
        EXPECT_EQ(std::nullopt, atlassian_qsh("GET", url, "")) << url;
    }
    EXPECT_NE(std::nullopt, atlassian_qsh("GET", "/%?a=1", ""));
}

}  // namespace
}  // namespace webhook
